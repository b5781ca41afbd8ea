import Foundation
import GRDB
import OobleckCoordination
import OobleckCore
import OobleckTestSupport
import OobleckWorlds
import Testing

@testable import OobleckStoreSQLite

@Suite(.timeLimit(.minutes(5))) struct SQLiteStoreTests {
    private static func step(_ number: Int, _ generation: Int) -> CommittedStep {
        CommittedStep(
            step: number,
            generation: Generation(generation),
            firstSample: 8 * number,
            endSample: 8 * number + 8,
            loss: 2,
            gradientNorm: 1
        )
    }

    @Test("what counts after a loss of power is what the ledger has, also after opening again")
    func recounted() throws {
        let returns = (1...2).map {
            RestoredRun(step: $0, generation: Generation($0), stateSHA256: "state \($0)")
        }
        let histories = [
            RecordedHistory(),
            RecordedHistory(committed: Self.step(0, 0)),
            RecordedHistory(restored: returns[0]),
            RecordedHistory(restored: returns[0], committed: Self.step(4, 1)),
            RecordedHistory(restored: returns[1], committed: Self.step(3, 2)),
        ]
        for before in histories {
            for after in histories {
                try withStore { path in
                    var expected = DurableState()
                    let store = try SQLiteStore(path: path)
                    for change: DurableChange in [
                        .tookOver(term: 1), .recounted(before, from: 9), .recounted(after, from: 8),
                    ] {
                        try store.persist(change)
                        expected.apply(change)
                    }
                    #expect(try store.load() == expected)
                    try store.close()
                    let again = try SQLiteStore(path: path)
                    #expect(try again.load() == expected)
                    try again.close()
                }
            }
        }
    }

    @Test("what was kept is what the changes sum up to", arguments: 0..<20)
    func sums(seed: Int) throws {
        try withStore { path in
            let changes = try Self.changes(seed: UInt64(seed))
            var expected = DurableState()
            let store = try SQLiteStore(path: path)
            #expect(try store.load() == nil)
            for change in changes {
                try store.persist(change)
                expected.apply(change)
            }
            #expect(try store.load() == expected)
            try store.close()
            let again = try SQLiteStore(path: path)
            #expect(try again.load() == expected, "after closing and opening")
            try again.close()
        }
    }

    @Test("a store that was never closed has everything, as after a SIGKILL")
    func abandoned() throws {
        try withStore { path in
            let store = try SQLiteStore(path: path)
            var expected = DurableState()
            for change in try Self.changes(seed: 3) {
                try store.persist(change)
                expected.apply(change)
            }
            // What a dead process leaves: the files as they are now, the log not folded in.
            let copy = path + ".copy"
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
            }
            let heir = try SQLiteStore(path: copy)
            #expect(try heir.load() == expected)
            try heir.close()
            try store.close()
        }
    }

    @Test(
        "a change that did not fit is kept once there is space, and once only",
        .enabled(if: SmallDisk.isAvailable, "mounting a small disk needs root")
    )
    func fullDisk() throws {
        let disk = try SmallDisk(kilobytes: 256)
        let store = try SQLiteStore(path: disk.path + "/run.sqlite")
        try store.persist(.tookOver(term: 1))
        disk.fill()
        var (node, failures) = (0, 0)
        while failures < 3, node < 10_000 {
            do {
                try store.persist(.left(NodeID(node), hasFailed: true, as: .dead))
                node += 1
            } catch let error as OobleckError {
                failures += 1
                #expect(error.code == .storage)
                #expect(error.message.contains("No space left on device"))
            }
        }
        #expect(failures == 3)
        disk.empty()
        try store.persist(.left(NodeID(node), hasFailed: true, as: .dead))
        let state = try store.load()
        #expect(state?.failures == node + 1 && state?.nodes.count == node + 1)
        try store.close()
    }

    @Test("a database of the first version is taken over; of who is out it does not say how")
    func firstVersion() throws {
        try withStore { path in
            let database = try DatabaseQueue(path: path)
            try database.write { database in
                try database.execute(
                    sql: """
                        CREATE TABLE run (
                            id INTEGER PRIMARY KEY CHECK (id = 0), term INTEGER NOT NULL,
                            failures INTEGER NOT NULL, plans_in_force INTEGER NOT NULL,
                            last_generation INTEGER);
                        INSERT INTO run VALUES (0, 1, 1, 0, NULL);
                        CREATE TABLE node (
                            id INTEGER PRIMARY KEY, agent_pid INTEGER NOT NULL,
                            is_out INTEGER NOT NULL DEFAULT 0,
                            is_draining INTEGER NOT NULL DEFAULT 0);
                        INSERT INTO node VALUES (0, 7, 1, 0), (1, 8, 0, 0);
                        CREATE TABLE plan (
                            role TEXT PRIMARY KEY, generation INTEGER NOT NULL,
                            document BLOB NOT NULL);
                        CREATE TABLE committed (
                            id INTEGER PRIMARY KEY CHECK (id = 0), step INTEGER NOT NULL,
                            generation INTEGER NOT NULL, first_sample INTEGER NOT NULL,
                            end_sample INTEGER NOT NULL, loss REAL, gradient_norm REAL,
                            skipped TEXT);
                        CREATE TABLE restored (
                            id INTEGER PRIMARY KEY, step INTEGER NOT NULL,
                            generation INTEGER NOT NULL, state_sha256 TEXT NOT NULL,
                            record BLOB NOT NULL);
                        CREATE TABLE recovery (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
                        CREATE TABLE memory_failure (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
                        PRAGMA user_version = 1;
                        """
                )
            }
            try database.close()
            let store = try SQLiteStore(path: path)
            #expect(try store.load()?.nodes[0]?.ending == nil)
            try store.persist(.left(1, hasFailed: false, as: .drained))
            #expect(try store.load()?.nodes[1]?.ending == .drained)
            try store.close()
        }
    }

    @Test(
        "a database of an earlier version is taken over with all that it keeps, and keeps targets",
        arguments: 1...5,
        [1, 2, 3]
    )
    func earlierVersions(version: Int, seed: Int) throws {
        try withStore { path in
            let changes =
                try Self.changes(seed: UInt64(seed)) + [
                    .left(0, hasFailed: true, as: .dead), .computing(Self.arithmetic),
                    .committed(Self.step(9, 2)),
                ]
            var expected = DurableState()
            let first = try SQLiteStore(path: path)
            for change in changes {
                try first.persist(change)
                expected.apply(change)
            }
            try first.close()
            try Self.takeBack(path, to: version)
            // What those versions had no place for.
            expected.skippedInARow = nil
            if version < 5 { expected.evaluated = nil }
            if version < 3 { expected.arithmetic = nil }
            if version < 2 {
                for node in expected.nodes.keys { expected.nodes[node]?.ending = nil }
            }
            for _ in 0..<2 {
                let store = try SQLiteStore(path: path)
                #expect(try store.load() == expected)
                try store.close()
            }
            let store = try SQLiteStore(path: path)
            for targets in [4711, nil, 0, Int.max] {
                var step = Self.step(10, 2)
                step.targets = targets
                try store.persist(.committed(step))
                #expect(try store.load()?.committed == step)
            }
            try store.persist(.computing(Self.arithmetic))
            #expect(try store.load()?.arithmetic == Self.arithmetic)
            for loss in [2.5, 0.1 + 0.2] {
                let evaluated = RecordedEvaluation(step: 11, generation: 2, samples: 8, loss: loss)
                try store.persist(.evaluated(evaluated))
                #expect(try store.load()?.evaluated == evaluated)
            }
            try store.close()
        }
    }

    private static let arithmetic = Arithmetic(
        fingerprint: "f",
        processor: "p",
        library: "l",
        settings: "s"
    )

    /// Leaves of a database what an earlier version of its tables had.
    private static func takeBack(_ path: String, to version: Int) throws {
        let database = try DatabaseQueue(path: path)
        try database.write { database in
            try database.execute(sql: "ALTER TABLE run DROP COLUMN skipped_in_a_row")
            if version < 5 { try database.execute(sql: "DROP TABLE evaluated") }
            if version < 4 {
                try database.execute(sql: "ALTER TABLE committed DROP COLUMN targets")
            }
            if version < 3 { try database.execute(sql: "DROP TABLE arithmetic") }
            if version < 2 { try database.execute(sql: "ALTER TABLE node DROP COLUMN ending") }
            try database.execute(sql: "PRAGMA user_version = \(version)")
        }
        try database.close()
    }

    @Test("a step with targets, one without, and a skipped one come back as they were kept")
    func targets() throws {
        try withStore { path in
            var skipped = Self.step(2, 1)
            (skipped.targets, skipped.skipped) = (0, CommittedStep.withoutTargets)
            var counted = Self.step(1, 1)
            counted.targets = 27
            for step in [Self.step(0, 1), counted, skipped] {
                let store = try SQLiteStore(path: path)
                for change: DurableChange in [.tookOver(term: 1), .committed(step)] {
                    try store.persist(change)
                }
                try store.close()
                let again = try SQLiteStore(path: path)
                #expect(try again.load()?.committed == step)
                try again.persist(.recounted(RecordedHistory(committed: step), from: 9))
                #expect(try again.load()?.committed == step)
                try again.close()
            }
        }
    }

    @Test("the count of skipped steps in a row is kept, also over a return to a checkpoint")
    func skips() throws {
        try withStore { path in
            func skipped(_ number: Int) -> DurableChange {
                var step = Self.step(number, 1)
                step.skipped = "loss"
                return .committed(step)
            }
            let restored = RestoredRun(step: 2, generation: 2, stateSHA256: "s")
            let record = RestoreRecord(recounting: restored, from: 4)
            let changes: [DurableChange] = [
                .tookOver(term: 1), .committed(Self.step(0, 1)), skipped(1), skipped(2), skipped(3),
                .restored(restored, record), skipped(2), .committed(Self.step(3, 2)),
            ]
            var expected = DurableState()
            for (change, count) in zip(changes, [nil, nil, 1, 2, 3, 1, 2, nil]) {
                let store = try SQLiteStore(path: path)
                try store.persist(change)
                expected.apply(change)
                #expect(expected.skippedInARow == count)
                try store.close()
                let again = try SQLiteStore(path: path)
                #expect(try again.load() == expected)
                try again.close()
            }
        }
    }

    @Test("a database of another version is refused in one line")
    func otherVersion() throws {
        try withStore { path in
            let database = try DatabaseQueue(path: path)
            try database.write { try $0.execute(sql: "PRAGMA user_version = 99") }
            try database.close()
            let error = #expect(throws: OobleckError.self) { try SQLiteStore(path: path) }
            #expect(error?.message.contains("99") == true)
        }
    }

    @Test("a file that is no database is refused in one line")
    func notADatabase() throws {
        try withStore { path in
            let junk = Data(repeating: 0x55, count: 8192)
            try junk.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: OobleckError.self) { try SQLiteStore(path: path) }
            #expect(error?.message.contains(path) == true)
            #expect(error?.message.contains("\n") == false)
        }
    }

    @Test("a log that cannot be folded in just now ends no run, one that cannot be written does")
    func busy() {
        for code in [ResultCode.SQLITE_BUSY, .SQLITE_BUSY_RECOVERY, .SQLITE_LOCKED] {
            #expect(SQLiteStore.isForLater(DatabaseError(resultCode: code)), "\(code)")
        }
        for code in [ResultCode.SQLITE_FULL, .SQLITE_IOERR_WRITE, .SQLITE_CORRUPT] {
            #expect(!SQLiteStore.isForLater(DatabaseError(resultCode: code)), "\(code)")
        }
    }

    /// The changes of a simulated run, and some more at the end.
    private static func changes(seed: UInt64) throws -> [DurableChange] {
        let world = try World.lively(seed: seed, nodes: 5, steps: 6)
        return [.tookOver(term: 1)] + world.changes + [.tookOver(term: 2), .draining(0, false)]
    }

    private func withStore(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "oobleck-store-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder + "/coordinator.sqlite")
    }
}
