import Foundation
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckStoreSQLite
import OobleckTestSupport
import Testing

@testable import OobleckRuntime

@Suite("A run's ledger file and its store after a loss of power", .timeLimit(.minutes(5)))
struct ReconciliationTests {
    private static let arithmetic = Arithmetic(
        fingerprint: "f",
        processor: "p",
        library: "l",
        settings: "s"
    )
    /// What a run records: four steps with an evaluation, a return to the checkpoint of the second,
    /// and two more steps.
    private static let history: [HistoryEntry] =
        [.arithmetic(RecordedArithmetic(arithmetic, step: 0, generation: 0))]
        + (0..<3).map { .step(RunRemains.step($0)) }
        + [evaluation(3, 0), .step(RunRemains.step(3)), .restored(restored)]
        + [evaluation(2, 2)] + (2..<4).map { .step(RunRemains.step($0, 2)) }

    private static let restored = RestoredRun(step: 2, generation: 2, stateSHA256: "two")

    private static func evaluation(_ step: Int, _ generation: Int) -> HistoryEntry {
        .evaluation(
            RecordedEvaluation(
                step: step,
                generation: Generation(generation),
                samples: 8,
                loss: 1
            )
        )
    }

    /// What a coordinator keeps before it records the entry.
    private static func changes(for entry: HistoryEntry) -> [DurableChange] {
        switch entry {
        case .step(let step): [.numbered(step.generation), .committed(step)]
        case .restored(let new):
            [.numbered(new.generation), .restored(new, RestoreRecord(recounting: new, from: 4))]
        case .arithmetic(let recorded): [.computing(recorded.arithmetic)]
        case .evaluation(let recorded): [.evaluated(recorded)]
        }
    }

    /// The files of stores that have the first entries, by how many.
    private static let stores = Result {
        try (0...history.count).map { kept in
            let remains = try RunRemains()
            try remains.keep(history.prefix(kept).flatMap(changes))
            return try Data(contentsOf: URL(fileURLWithPath: remains.path + "/coordinator.sqlite"))
        }
    }

    /// A run whose store has the first `kept` entries and whose ledger has the first `written`; takes
    /// the place of one that `remains` are of.
    private func remains(
        kept: Int,
        written: Int,
        replacing remains: RunRemains? = nil
    ) throws -> RunRemains {
        let remains = try remains ?? RunRemains()
        let ledger = try remains.directory.ledgerPath
        if FileManager.default.fileExists(atPath: ledger) {
            try FileManager.default.removeItem(atPath: ledger)
        }
        let store = URL(fileURLWithPath: remains.path + "/coordinator.sqlite")
        try Self.stores.get()[kept].write(to: store)
        try remains.record(Array(Self.history.prefix(written)))
        return remains
    }

    /// Makes both agree by `store`, and returns the state.
    private func reconcile(
        _ remains: RunRemains,
        _ store: any CoordinationStore
    ) throws -> DurableState {
        var state = try store.load() ?? DurableState()
        try RunStart.reconcile(&state, with: remains.directory, store)
        return state
    }

    private func reconcile(_ remains: RunRemains) throws -> DurableState {
        let store = try SQLiteStore(path: remains.path + "/coordinator.sqlite")
        let state = try reconcile(remains, store)
        #expect(try store.load() == state, "what was not kept would be lost again")
        try store.close()
        return state
    }

    private func expectAgreement(
        _ remains: RunRemains,
        _ state: DurableState,
        _ what: String
    ) throws {
        let ledger = try LedgerEnd.history(path: remains.directory.ledgerPath)
        #expect(state.history == ledger, "\(what)")
        let report = try RunVerifier.verifyLedger(of: remains.directory)
        #expect(report.violations.isEmpty && report.isIntact, "\(what): \(report.violations)")
        #expect((ledger.generation ?? -1) <= (state.lastGeneration ?? -1), "\(what)")
        let lines = try remains.directory.ledgerLineCount()
        let again = try reconcile(remains)
        #expect(again == state, "\(what): a second time changes nothing")
        #expect(try remains.directory.ledgerLineCount() == lines, "\(what)")
    }

    @Test(
        "agree, whatever each of them lost, and the ledger stays a chain",
        .timeLimit(.minutes(5)),
        arguments: 0...history.count
    )
    func everyLoss(kept: Int) throws {
        let directory = try RunRemains()
        for written in 0...Self.history.count {
            let remains = try remains(kept: kept, written: written, replacing: directory)
            let state = try reconcile(remains)
            try expectAgreement(remains, state, "store \(kept), ledger \(written)")
        }
    }

    @Test("a line that was not written whole does not count, and does not spoil the next")
    func tornLine() throws {
        for written in 0..<Self.history.count {
            let remains = try remains(kept: written + 1, written: written)
            let path = try remains.directory.ledgerPath
            let whole = FileManager.default.contents(atPath: path) ?? Data()
            try (whole + Data("{\"generation\":0,\"st".utf8)).write(to: URL(fileURLWithPath: path))
            let state = try reconcile(remains)
            try expectAgreement(remains, state, "torn after \(written)")
            #expect(try remains.directory.ledgerLineCount() == written + 1)
        }
    }

    /// A store whose disk fills up after so many changes.
    private final class FullStore: CoordinationStore, @unchecked Sendable {
        private let store: SQLiteStore
        // Used by one thread only, as stores are.
        private var left: Int

        init(_ store: SQLiteStore, left: Int) {
            self.store = store
            self.left = left
        }

        func load() throws -> DurableState? { try store.load() }

        func persist(_ change: DurableChange) throws {
            guard left > 0 else { throw OobleckError(.storage, "no space") }
            left -= 1
            try store.persist(change)
        }
    }

    @Test("a process that dies while it makes them agree leaves work that the next one finishes")
    func interrupted() throws {
        var cutShort = 0
        for (kept, written) in [(0, 10), (2, 7), (3, 9), (6, 10), (7, 6), (10, 2)] {
            for left in 0..<3 {
                let remains = try remains(kept: kept, written: written)
                let store = try SQLiteStore(path: remains.path + "/coordinator.sqlite")
                do {
                    _ = try reconcile(remains, FullStore(store, left: left))
                } catch let error as OobleckError {
                    #expect(error.code == .storage)
                    cutShort += 1
                }
                try store.close()
                let state = try reconcile(remains)
                try expectAgreement(remains, state, "(\(kept), \(written)) cut after \(left)")
            }
        }
        #expect(cutShort > 5)
    }
}
