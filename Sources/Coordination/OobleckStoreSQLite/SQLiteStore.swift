import Dispatch
import Foundation
import GRDB
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// Keeps a coordinator's state in a SQLite database of the run directory.
///
/// Each change is one transaction in the write-ahead log. It is with the system when
/// ``persist(_:)`` returns, so it outlives this process however that dies; it reaches the device
/// about a second later at the latest, off the path of the vote. After a power loss the database is
/// whole and at most that much behind.
package final class SQLiteStore: CoordinationStore {
    /// How often what was kept is brought to the device.
    private static let checkpointInterval: Seconds = 1

    private let path: String
    private let database: DatabaseQueue
    /// A second connection, so that nobody waits for the device.
    private let background: DatabaseQueue
    private let checkpointQueue = DispatchQueue(label: "oobleck.store.checkpoint", qos: .utility)
    private let lastCheckpoint = Mutex<Seconds?>(nil)
    private let failure = Mutex<OobleckError?>(nil)
    /// A change that is with the system and has to reach the device before its writer goes on.
    private let urgent = Mutex<DurableChange?>(nil)

    /// Opens the database at `path`, or makes it.
    ///
    /// Throws ``OobleckError/Code/storage`` with one line.
    package init(path: String) throws {
        self.path = path
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            // Each commit adds a page to the log; counts only for a new database.
            try database.execute(sql: "PRAGMA page_size = 512")
            // No transaction waits for the device; checkpoints do, in the background.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 0")
        }
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            background = try DatabaseQueue(path: path, configuration: configuration)
            try database.write { try CoordinationTables.make(in: $0) }
        } catch {
            throw Self.explain(error, "cannot open \(path)")
        }
    }

    package func load() throws -> DurableState? {
        do {
            return try database.read { try CoordinationTables.state(in: $0) }
        } catch let error as OobleckError {
            throw error
        } catch {
            throw Self.explain(error, "cannot read \(path)")
        }
    }

    package func persist(_ change: DurableChange) throws {
        // What was kept before has to reach the device first.
        if failure.withLock({ $0 }) != nil { try synchronize() }
        // Its writer tries again because it did not reach the device.
        if urgent.withLock({ $0 }) == change { return urgent.withLock { $0 = nil } }
        do {
            try database.write { try CoordinationTables.apply(change, in: $0) }
        } catch let error as OobleckError {
            throw error
        } catch {
            throw Self.explain(error, "cannot write \(path)")
        }
        guard change.isUrgent else { return checkpointIfDue() }
        urgent.withLock { $0 = change }
        try synchronize()
        urgent.withLock { $0 = nil }
    }

    /// Returns once everything is on the device.
    private func synchronize() throws { try checkpointQueue.sync { try checkpoint() } }

    /// Brings everything to the device, and folds the log into the database.
    package func close() throws {
        checkpointQueue.sync {}
        do {
            try background.close()
            try database.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try database.close()
        } catch {
            throw Self.explain(error, "cannot close \(path)")
        }
    }

    private func checkpointIfDue() {
        // The clock of the wall may be set back.
        let now = MonotonicTime.now
        let isDue = lastCheckpoint.withLock { last in
            if let last, now - last < Self.checkpointInterval { return false }
            last = now
            return true
        }
        guard isDue else { return }
        checkpointQueue.async {
            // A failure is kept, and the next change tries again.
            do { try self.checkpoint() } catch {}
        }
    }

    private func checkpoint() throws {
        do {
            try background.writeWithoutTransaction { _ = try $0.checkpoint(.passive) }
        } catch let error as DatabaseError where Self.isForLater(error) {
            // What is not on the device now is with the next change, or at the end.
        } catch {
            let error = Self.explain(error, "cannot bring \(path) to the device")
            failure.withLock { $0 = error }
            throw error
        }
        failure.withLock { $0 = nil }
    }

    /// Whether somebody else only had the database at that moment.
    static func isForLater(_ error: DatabaseError) -> Bool {
        [.SQLITE_BUSY, .SQLITE_LOCKED].contains(error.extendedResultCode.primaryResultCode)
    }

    private static func explain(_ error: any Error, _ what: String) -> OobleckError {
        let reason = (error as? DatabaseError).map(Self.reason) ?? "\(error)"
        return OobleckError(
            .storage,
            "\(what): \(reason.split(separator: "\n").joined(separator: " "))"
        )
    }

    /// What went wrong, in the system's words where SQLite has others for it.
    static func reason(_ error: DatabaseError) -> String {
        switch error.extendedResultCode.primaryResultCode {
        case .SQLITE_FULL: String(cString: strerror(ENOSPC))
        case .SQLITE_READONLY: String(cString: strerror(EROFS))
        case .SQLITE_IOERR: String(cString: strerror(EIO))
        default: error.message ?? "\(error.resultCode)"
        }
    }
}
