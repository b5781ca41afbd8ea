import OobleckCoordination
import OobleckCore
import Testing

@Suite("A ledger and a store after a loss of power", .timeLimit(.minutes(5)))
struct HistoryReconciliationTests {
    /// A run that commits nine steps, goes back to the checkpoint of the fifth, commits three, goes
    /// back to its very beginning, and commits four; some of its states are evaluated.
    private static let history: [HistoryEntry] =
        [.arithmetic(RecordedArithmetic(arithmetic, step: 0, generation: 0)), evaluation(0, 0)]
        + (0..<6).map { step($0, 0) } + [evaluation(6, 0)] + (6..<9).map { step($0, 0) }
        + [.restored(restored(5, 2))] + (5..<6).map { step($0, 2) } + [evaluation(6, 2)]
        + (6..<8).map { step($0, 2) } + [.restored(restored(0, 4)), evaluation(0, 4)]
        + (0..<4).map { step($0, 5) }

    private static func evaluation(_ step: Int, _ generation: Int) -> HistoryEntry {
        .evaluation(
            RecordedEvaluation(
                step: step,
                generation: Generation(generation),
                samples: 8,
                loss: Double(step)
            )
        )
    }

    private static let arithmetic = Arithmetic(
        fingerprint: "f",
        processor: "p",
        library: "l",
        settings: "s"
    )

    private static func step(_ number: Int, _ generation: Int) -> HistoryEntry {
        .step(
            CommittedStep(
                step: number,
                generation: Generation(generation),
                firstSample: 8 * number,
                endSample: 8 * number + 8,
                loss: Double(number),
                gradientNorm: 1
            )
        )
    }

    private static func restored(_ step: Int, _ generation: Int) -> RestoredRun {
        RestoredRun(step: step, generation: Generation(generation), stateSHA256: "state \(step)")
    }

    /// What a store has that was told of the first `count` entries.
    private func store(_ count: Int) -> DurableState {
        var state = DurableState()
        state.apply(.tookOver(term: 1))
        for entry in Self.history.prefix(count) {
            switch entry {
            case .step(let step):
                if step.generation != state.lastGeneration ?? -1 {
                    state.apply(.numbered(step.generation))
                }
                state.apply(.committed(step))
            case .restored(let restored):
                state.apply(.numbered(restored.generation))
                state.apply(.restored(restored, RestoreRecord(recounting: restored, from: 9)))
            case .arithmetic(let recorded): state.apply(.computing(recorded.arithmetic))
            case .evaluation(let recorded): state.apply(.evaluated(recorded))
            }
        }
        return state
    }

    private func ledger(_ entries: some Sequence<HistoryEntry>) -> RecordedHistory {
        var history = RecordedHistory()
        for entry in entries { history.append(entry) }
        return history
    }

    @Test("agree, whatever each of them lost", arguments: 0...history.count)
    func everyCut(kept: Int) {
        for written in 0...Self.history.count {
            let what = "store with \(kept), ledger with \(written) entries"
            var state = store(kept)
            let before = ledger(Self.history.prefix(written))
            let missing = HistoryReconciliation(store: state, ledger: before)
            var after = before
            for entry in missing.entries {
                #expect(entry.generation >= after.generation ?? -1, "\(what)")
                switch entry {
                case .step(let step): #expect(step.step == after.steps, "\(what)")
                case .restored(let restored): #expect(restored.step <= after.steps, "\(what)")
                case .arithmetic(let recorded): #expect(recorded.step == after.steps, "\(what)")
                case .evaluation(let recorded): #expect(recorded.step == after.steps, "\(what)")
                }
                after.append(entry)
            }
            for change in missing.changes { state.apply(change) }
            #expect(state.committed == after.committed, "\(what)")
            #expect(state.restored == after.restored, "\(what)")
            #expect(state.committedSteps == after.steps, "\(what)")
            #expect((after.generation ?? -1) <= (state.lastGeneration ?? -1), "\(what)")
            #expect(state.restores.isEmpty == (state.restored == nil), "\(what)")
            #expect(state.arithmetic == after.arithmetic, "\(what)")
            #expect(state.evaluated == after.evaluated, "\(what)")
            #expect(HistoryReconciliation(store: state, ledger: after).changes.isEmpty, "\(what)")
            #expect(HistoryReconciliation(store: state, ledger: after).entries.isEmpty, "\(what)")
        }
    }

    @Test("the ledger gets the entry that the store is ahead by, and nothing is taken back")
    func oneAhead() {
        for written in 0..<Self.history.count {
            let missing = HistoryReconciliation(
                store: store(written + 1),
                ledger: ledger(Self.history.prefix(written))
            )
            #expect(missing.entries == [Self.history[written]])
            #expect(missing.changes.isEmpty)
        }
    }

    @Test("a ledger that goes back to a checkpoint takes a store of before along")
    func ledgerAhead() throws {
        var state = store(12)
        let missing = HistoryReconciliation(store: state, ledger: ledger(Self.history.prefix(14)))
        for change in missing.changes { state.apply(change) }
        #expect(state.committedSteps == 6)
        #expect(state.restored == Self.restored(5, 2))
        #expect(state.lastGeneration == 2)
        #expect(try #require(state.restores.last).fromStep == 9)
    }

    @Test("an evaluation that the store lacks is added to it")
    func evaluationAhead() {
        var state = store(8)
        let missing = HistoryReconciliation(store: state, ledger: ledger(Self.history.prefix(9)))
        for change in missing.changes { state.apply(change) }
        #expect(state.evaluated?.step == 6)
        #expect(missing.entries.isEmpty)
    }
}

extension HistoryEntry {
    fileprivate var generation: Generation {
        switch self {
        case .step(let step): step.generation
        case .restored(let restored): restored.generation
        case .arithmetic(let recorded): recorded.generation
        case .evaluation(let recorded): recorded.generation
        }
    }
}
