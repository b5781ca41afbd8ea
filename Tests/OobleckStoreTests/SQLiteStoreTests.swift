import Foundation
import GRDB
import OobleckCoordination
import OobleckCore
import OobleckDrill
import OobleckTestSupport
import Testing

@testable import OobleckStore

@Suite struct SQLiteStoreTests {
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
