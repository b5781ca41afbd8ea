/// Which steps of a run count, as its ledger says: the newest return to a checkpoint, and the newest
/// step since.
package struct RecordedHistory: Hashable, Sendable, Codable {
    package private(set) var restored: RestoredRun?
    package private(set) var committed: CommittedStep?
    /// What the run computes with, where the ledger says it.
    package private(set) var arithmetic: Arithmetic?
    /// The newest evaluation since ``restored``.
    package private(set) var evaluated: RecordedEvaluation?

    /// The history of `restored`, and of `committed` after it.
    package init(
        restored: RestoredRun? = nil,
        committed: CommittedStep? = nil,
        arithmetic: Arithmetic? = nil,
        evaluated: RecordedEvaluation? = nil
    ) {
        self.restored = restored
        self.committed = committed
        self.arithmetic = arithmetic
        self.evaluated = evaluated
    }

    /// Steps that count.
    package var steps: Int { committed.map { $0.step + 1 } ?? restored?.step ?? 0 }

    /// Generation of the newest entry.
    package var generation: Generation? { committed?.generation ?? restored?.generation }

    /// Adds an entry at the end.
    package mutating func append(_ entry: HistoryEntry) {
        switch entry {
        case .restored(let new): (restored, committed, evaluated) = (new, nil, nil)
        case .step(let step): committed = step
        case .arithmetic(let recorded): arithmetic = recorded.arithmetic
        case .evaluation(let recorded): evaluated = recorded
        }
    }
}

/// An entry of a run's ledger.
package enum HistoryEntry: Hashable, Sendable, Codable {
    case step(CommittedStep)
    case restored(RestoredRun)
    case arithmetic(RecordedArithmetic)
    case evaluation(RecordedEvaluation)
}
