import OobleckCore

/// What makes a run's ledger and its store agree again.
///
/// The ledger is the truth on which steps count. The store is written first, so it may be one entry
/// ahead, or two after a return to a checkpoint: these are added to the ledger. Everything else that
/// differs was lost when a machine lost power, and then the store follows the ledger. Steps that
/// counted and are in neither are for the workers to prove; where no worker has them, they are done
/// again.
package struct HistoryReconciliation: Hashable, Sendable {
    /// What the ledger lacks, in order.
    package private(set) var entries: [HistoryEntry] = []
    /// What the store lacks, in order.
    package private(set) var changes: [DurableChange] = []

    package init(store: DurableState, ledger: RecordedHistory) {
        var history = ledger
        func follows(_ generation: Generation) -> Bool {
            history.generation.map { generation >= $0 } ?? true
        }
        if let restored = store.restored, restored != history.restored,
            follows(restored.generation), restored.step <= history.steps
        {
            entries.append(.restored(restored))
            history.append(.restored(restored))
        }
        func addEvaluation(_ entries: inout [HistoryEntry]) {
            guard let evaluated = store.evaluated, evaluated != history.evaluated,
                evaluated.step == history.steps, follows(evaluated.generation)
            else { return }
            entries.append(.evaluation(evaluated))
            history.append(.evaluation(evaluated))
        }
        addEvaluation(&entries)
        if let step = store.committed, step.step == history.steps, follows(step.generation) {
            entries.append(.step(step))
            history.append(.step(step))
        }
        // The ledger may be that of a version that did not say it, or lack its newest lines.
        if let arithmetic = store.arithmetic, arithmetic != history.arithmetic {
            let recorded = RecordedArithmetic(
                arithmetic,
                step: history.steps,
                generation: history.generation ?? 0
            )
            entries.append(.arithmetic(recorded))
            history.append(.arithmetic(recorded))
        } else if let arithmetic = history.arithmetic, store.arithmetic == nil {
            changes.append(.computing(arithmetic))
        }
        addEvaluation(&entries)
        let kept = store.history
        if (kept.restored, kept.steps, kept.generation)
            != (history.restored, history.steps, history.generation)
            || kept.evaluated != history.evaluated
        {
            changes.append(.recounted(history, from: kept.steps))
        }
        if let newest = history.generation, newest > store.lastGeneration ?? -1 {
            changes.append(.numbered(newest))
        }
    }
}

extension DurableState {
    /// What counts is what the ledger has.
    mutating func recount(_ history: RecordedHistory, from steps: Int) {
        // Of steps that only the ledger has, the newest is known.
        goBackSkips(steps - history.steps)
        if history.steps > steps { countSkips(history.committed?.skips(after: 0) ?? 0) }
        (committed, evaluated) = (history.committed, history.evaluated)
        guard restored != history.restored else { return }
        restored = history.restored
        if let restored {
            restores.append(RestoreRecord(recounting: restored, from: steps))
        } else {
            restores = []
        }
    }
}

extension DurableState {
    mutating func countSkips(_ count: Int) { skippedInARow = count > 0 ? count : nil }

    /// The newest `steps` steps count no more.
    mutating func goBackSkips(_ steps: Int) {
        countSkips((skippedInARow ?? 0) - max(0, steps))
    }
}

extension CommittedStep {
    /// Steps skipped in a row up to this one, after `count` before it.
    ///
    /// A step without any target is no sign of divergence, and none of the contrary.
    func skips(after count: Int) -> Int {
        guard let skipped else { return 0 }
        return skipped == Self.withoutTargets ? count : count + 1
    }
}

extension RestoreRecord {
    /// What is known of a return to a checkpoint whose own record is lost.
    package init(recounting restored: RestoredRun, from steps: Int) {
        self.init(
            fromStep: max(steps, restored.step),
            step: restored.step,
            stateSHA256: restored.stateSHA256,
            reason: "not known: its record was lost, most likely with the machine's power",
            total: 0,
            load: 0,
            loadedBytes: 0
        )
    }
}
