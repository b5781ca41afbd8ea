import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import Synchronization

/// What a run writes while it goes: ledger and event log, line by line, and the status.
///
/// Each line goes to the system before the call returns, so it outlives our process; it is
/// synchronised with the device at most once a second, after evaluations, and at the end.
package final class RunRecorder: Sendable {
    private struct Ledger {
        var lines: LineLog
        var previousHash = LedgerLine.genesis
        var committedSteps = 0
        /// The newest return to a checkpoint, and the newest evaluation, that were added here.
        var restored: RestoredRun?
        var evaluated: RecordedEvaluation?

        mutating func append(_ entry: HistoryEntry) throws {
            let line = LedgerLine(chaining: entry, to: previousHash)
            try lines.append(line.text)
            previousHash = line.hash
        }
    }

    private let directory: RunDirectory
    private let ledger: Mutex<Ledger>
    private let events: Mutex<LineLog>

    /// Goes on where the files end; what is left of a line that was not written whole goes.
    package init(_ directory: RunDirectory) throws {
        self.directory = directory
        let end = try LedgerEnd(path: directory.ledgerPath)
        events = Mutex(try LineLog(directory.eventsPath))
        ledger = Mutex(
            Ledger(
                lines: try LineLog(directory.ledgerPath),
                previousHash: end.last?.hash ?? LedgerLine.genesis,
                committedSteps: end.steps
            )
        )
    }

    /// Steps in the ledger.
    package var committedSteps: Int { ledger.withLock { $0.committedSteps } }

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
                "training diverged in step \(committed.step): loss "
                    + "\(numberForPeople(committed.loss)), gradient norm "
                    + "\(numberForPeople(committed.gradientNorm)); try a lower learning_rate"
            )
        }
        try ledger.withLock { ledger in
            // What comes may have been kept elsewhere, by another process.
            guard committed.step == ledger.committedSteps else {
                throw OobleckError(
                    .internalFault,
                    "step \(committed.step) does not follow the "
                        + "\(counted(ledger.committedSteps, "step")) in "
                        + directory.ledgerPath
                )
            }
            try ledger.append(.step(committed))
            ledger.committedSteps += 1
        }
    }

    /// Notes in the ledger that the run went back to a checkpoint, and returns once that is on the
    /// device: whoever goes on from there must not be taken for further than the run.
    ///
    /// Throws `.storage` when that cannot be written, and can be called again then.
    package func append(_ restored: RestoredRun) throws {
        try ledger.withLock { ledger in
            guard ledger.restored != restored else { return }
            guard restored.step <= ledger.committedSteps else {
                throw OobleckError(
                    .internalFault,
                    "a return to step \(restored.step) does not follow the "
                        + "\(counted(ledger.committedSteps, "step")) in \(directory.ledgerPath)"
                )
            }
            try ledger.append(.restored(restored))
            ledger.committedSteps = restored.step
            ledger.restored = restored
        }
        try synchronize()
    }

    /// Notes in the ledger what the run computes with from now on.
    ///
    /// Throws `.storage` when it cannot be written, and then it is not in the ledger.
    package func append(_ recorded: RecordedArithmetic) throws {
        try ledger.withLock { try $0.append(.arithmetic(recorded)) }
    }

    /// Notes in the ledger what the state comes to on the validation data, and returns once that is on
    /// the device: a later step changes the state, so the value could not be measured again.
    ///
    /// Throws `.storage` when that cannot be written, and can be called again then.
    package func append(_ recorded: RecordedEvaluation) throws {
        try ledger.withLock { ledger in
            guard ledger.evaluated != recorded else { return }
            guard recorded.step == ledger.committedSteps else {
                throw OobleckError(
                    .internalFault,
                    "an evaluation of step \(recorded.step) does not follow the "
                        + "\(counted(ledger.committedSteps, "step")) in \(directory.ledgerPath)"
                )
            }
            try ledger.append(.evaluation(recorded))
            ledger.evaluated = recorded
        }
        try synchronize()
    }

    /// Adds an entry that was kept elsewhere before.
    package func append(_ entry: HistoryEntry) throws {
        switch entry {
        case .step(let step): try append(step)
        case .restored(let restored): try append(restored)
        case .arithmetic(let recorded): try append(recorded)
        case .evaluation(let recorded): try append(recorded)
        }
    }

    /// Adds an event, with the time, to the event log.
    package func log(_ event: RunEvent) throws { try log(TimedEvent(event)) }

    /// Adds an event of that time to the event log.
    package func log(_ event: TimedEvent) throws {
        try events.withLock { try $0.append(event.text) }
    }

    /// Replaces the status, with the time.
    package func write(_ status: RunStatus) throws {
        var status = status
        status.updated = Date().timeIntervalSince1970
        try directory.write(status)
    }

    package func write(_ plan: PlanDocument) throws { try directory.write(plan) }

    /// Writes the result, after the ledger is on the device.
    package func write(_ result: RunResult) throws {
        try synchronize()
        try directory.write(result)
    }

    /// Returns once the ledger is on the device.
    package func synchronize() throws {
        // Outside of the lock: whoever adds a line meanwhile does not wait for the device.
        try ledger.withLock { $0.lines.synchronizer }.finish()
    }

    /// Returns once the events are on the device.
    package func synchronizeEvents() throws {
        try events.withLock { $0.synchronizer }.finish()
    }
}

/// A file that grows by whole lines.
struct LineLog {
    private let file: OpenFile
    let synchronizer: BackgroundSynchronizer
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
        // Nothing is thrown after the write: who calls again would write the line twice.
        try synchronizer.requireHealth()
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
            synchronizer.start()
        }
    }

    private mutating func cut() throws {
        try file.truncate(to: size)
        isTorn = false
    }
}
