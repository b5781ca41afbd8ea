import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import Synchronization

/// What a run writes while it goes: ledger and event log, line by line, and the status.
///
/// Each line goes to the system before the call returns, so it outlives our process; it is
/// synchronised with the device at most once a second, and at the end.
package final class RunRecorder: Sendable {
    private struct State {
        var ledger: LineLog
        var events: LineLog
        var previousHash = LedgerLine.genesis
        var committedSteps = 0

        mutating func append(_ entry: LedgerLine.Entry) throws {
            let line = LedgerLine(chaining: entry, to: previousHash)
            try ledger.append(line.text)
            previousHash = line.hash
        }
    }

    private let directory: RunDirectory
    private let state: Mutex<State>

    /// Goes on where the files end; what is left of a line that was not written whole goes.
    package init(_ directory: RunDirectory) throws {
        self.directory = directory
        let end = try LedgerEnd(path: directory.ledgerPath)
        state = Mutex(
            State(
                ledger: try LineLog(directory.ledgerPath),
                events: try LineLog(directory.eventsPath),
                previousHash: end.last?.hash ?? LedgerLine.genesis,
                committedSteps: end.steps
            )
        )
    }

    /// Steps in the ledger.
    package var committedSteps: Int { state.withLock { $0.committedSteps } }

    /// Adds a committed step to the ledger.
    ///
    /// Throws `.storage` when it cannot be written, and then the step is not in the ledger.
    package func append(_ committed: CommittedStep) throws {
        guard
            committed.skipped != nil
                || committed.loss.isFinite && committed.gradientNorm.isFinite
        else {
            throw OobleckError(
                .inputData,
                "training diverged in step \(committed.step): loss \(committed.loss), gradient "
                    + "norm \(committed.gradientNorm); try a lower learning_rate"
            )
        }
        try state.withLock { state in
            precondition(
                committed.step == state.committedSteps,
                "step \(committed.step) recorded after \(counted(state.committedSteps, "step"))"
            )
            try state.append(.step(committed))
            state.committedSteps += 1
        }
    }

    /// Notes in the ledger that the run went back to a checkpoint.
    ///
    /// Throws `.storage` when that cannot be written, and then it is not in the ledger.
    package func append(_ restored: RestoredRun) throws {
        try state.withLock { state in
            precondition(
                restored.step <= state.committedSteps,
                "step \(restored.step) restored after \(counted(state.committedSteps, "step"))"
            )
            try state.append(.restored(restored))
            state.committedSteps = restored.step
        }
    }

    /// Adds an event, with the time, to the event log.
    package func log(_ event: RunEvent) throws {
        let line = TimedEvent(event).text
        try state.withLock { try $0.events.append(line) }
    }

    /// Replaces the status, with the time.
    package func write(_ status: RunStatus) throws {
        var status = status
        status.updated = Date().timeIntervalSince1970
        try directory.write(status)
    }

    /// Writes the result, after all lines are on the device.
    package func write(_ result: RunResult) throws {
        try synchronize()
        try directory.write(result)
    }

    /// Returns once all lines are on the device.
    package func synchronize() throws {
        try state.withLock { state in
            try state.ledger.synchronize()
            try state.events.synchronize()
        }
    }
}

/// A file that grows by whole lines.
struct LineLog {
    private let file: OpenFile
    private let synchronizer: BackgroundSynchronizer
    private var size = 0
    private var isTorn = false
    private var lastSynchronization = MonotonicTime.now

    init(_ path: String) throws {
        let whole = try WholeLines.end(of: path)
        file = try OpenFile(path, for: .append)
        if let whole { try file.truncate(to: whole) }
        synchronizer = BackgroundSynchronizer(file)
        // Devices and pipes have no size to go back to.
        size = try URL(fileURLWithPath: path).resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
    }

    /// Adds a line.
    ///
    /// When it does not fit, none of it stays, and a later call may try again.
    mutating func append(_ line: String) throws {
        let bytes = Array("\(line)\n".utf8)
        // A part of an earlier line that could not be cut off must go before anything follows it.
        if isTorn { try cut() }
        do {
            try file.write(bytes)
        } catch {
            isTorn = true
            do {
                try cut()
            } catch {
                // The next call cuts again first; what was wrong with the write is thrown below.
            }
            throw error
        }
        size += bytes.count
        if MonotonicTime.now.value - lastSynchronization.value >= 1 {
            lastSynchronization = MonotonicTime.now
            try synchronizer.start()
        }
    }

    private mutating func cut() throws {
        try file.truncate(to: size)
        isTorn = false
    }

    mutating func synchronize() throws {
        try synchronizer.finish()
        lastSynchronization = MonotonicTime.now
    }
}
