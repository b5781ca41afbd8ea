import Foundation
import OobleckClock
import OobleckControl
import OobleckCore
import OobleckRun

/// Rows of the fault matrix on a run that somebody else started, on machines of theirs.
///
/// The run is hit again and again while it trains, and has to get over each hit before the next. It is
/// never left with fewer nodes than its guarantee needs. Held where the run's directory is, on the
/// machine of its coordinator.
package struct LivingDrill: Sendable {
    package var directory: RunDirectory
    package var faults: [DrillFault]
    package var seed: UInt64
    /// Hits of each row.
    package var repeats: Int
    package var shell: NodeShell
    /// Our own program, for its commands.
    package var executable: String

    package init(
        directory: RunDirectory,
        faults: [DrillFault],
        seed: UInt64,
        repeats: Int,
        shell: NodeShell,
        executable: String
    ) {
        self.directory = directory
        self.faults = faults
        self.seed = seed
        self.repeats = repeats
        self.shell = shell
        self.executable = executable
    }

    /// What can be done to a run from outside.
    package static let possible: [DrillFault] = [
        .killWorker, .killAgent, .killNode, .killTwoAtOnce, .stopWorker, .stopAgent, .drainNode,
    ]

    /// Goes through the rows, and shows each as it is done.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line when the run does not train on this machine.
    package func run(
        into report: DrillReport,
        onRow: (DrillRow) -> Void
    ) async throws -> DrillReport {
        try requireCoordinator()
        var report = report
        let start = MonotonicTime.now
        for fault in faults {
            var row = DrillRow(fault: fault)
            row.isStateEqual = nil
            let began = MonotonicTime.now
            for number in 0..<repeats where row.verdict == .passed {
                var random = DrillRandom(seed: seed, fault, number)
                try await hit(fault, "\(fault.rawValue)-\(number)", &row, &random)
            }
            let ledger = try RunVerifier.verifyLedger(of: directory)
            row.samplesLost = ledger.samplesLost
            row.samplesRepeated = ledger.samplesRepeated
            if let first = ledger.violations.first { row.fail("\(first)") }
            row.duration = MonotonicTime.now - began
            report.rows.append(row)
            onRow(row)
        }
        report.duration = MonotonicTime.now - start
        return report
    }

    /// Waits until the run has ended, and compares its state with that of an undisturbed one.
    package func compare(with state: String, in report: inout DrillReport) async throws {
        // However long it trains: whoever asks for this wants to know.
        while !directory.isFinished {
            try requireCoordinator()
            try await Task.sleep(for: .milliseconds(200))
        }
        let found = try directory.result().stateSHA256
        report.references["expected"] = state
        for index in report.rows.indices where report.rows[index].runs > 0 {
            report.rows[index].isStateEqual = found == state
            guard found != state else { continue }
            report.rows[index].fail("the run ended with state \(found), not \(state)")
        }
    }

    private func requireCoordinator() throws {
        guard !directory.isFinished else { return }
        let isHere =
            try FileManager.default.fileExists(atPath: directory.endpointPath)
            && ProcessTable.start(of: directory.endpoint().pid) != nil
        guard isHere || directory.isFinished else {
            throw OobleckError(
                .usage,
                "no coordinator of \(directory.path) runs on this machine; start the run, and hold "
                    + "the drill where its coordinator is"
            )
        }
    }

    // MARK: One hit

    private func hit(
        _ fault: DrillFault,
        _ name: String,
        _ row: inout DrillRow,
        _ random: inout DrillRandom
    ) async throws {
        guard let before = try await status(where: { $0.phase == .training }) else {
            return row.skip("the run has ended")
        }
        let count = fault == .killTwoAtOnce ? 2 : 1
        if let lack = try lack(before, losing: count) {
            // What was done before stays done.
            return row.runs == 0 ? row.skip(lack) : row.reasons.append("\(name): \(lack)")
        }
        let working = before.nodes.filter { $0.state == .healthy && $0.pipeline != nil }
        let victims = Array(working.shuffled(using: &random).prefix(count))
        let started = MonotonicTime.now
        for victim in victims { try await strike(fault, victim, name, &row) }
        let isOver = try await status { status in
            let left = status.nodes.filter { $0.state != .dead }.map(\.id)
            return status.phase == .training && status.step > before.step + 1
                && victims.allSatisfy { !left.contains($0.id) }
        }
        row.runs += 1
        if fault == .stopWorker || fault == .stopAgent {
            for victim in victims { _ = try await signal("CONT", fault, victim) }
        }
        guard isOver != nil else {
            return row.fail("\(name): the run did not get over it in \(Self.patience.value) s")
        }
        if fault != .drainNode {
            row.losses += victims.count
            let hits = Dictionary(uniqueKeysWithValues: victims.map { ($0.id, started) })
            let times = try RunTimings(hits: hits, path: directory.eventsPath)
            row.detected += times.detected
            row.recovered += times.recovered
        }
        for victim in victims { try await seeOff(victim, name, &row) }
    }

    /// Why a run must not lose so many nodes; nothing when it may.
    private func lack(_ status: RunStatus, losing count: Int) throws -> String? {
        let guarantee = try directory.plan().guarantee
        guard count <= guarantee.faultTolerance else {
            return "the run survives \(guarantee.faultTolerance) at once"
        }
        let left = status.nodes.count { $0.state == .healthy || $0.state == .suspect }
        guard left - count < guarantee.minimumNodes else { return nil }
        return "\(left) nodes are left, \(guarantee.minimumNodes) have to stay"
    }

    private func strike(
        _ fault: DrillFault,
        _ victim: NodeStatus,
        _ name: String,
        _ row: inout DrillRow
    ) async throws {
        let isDone: Bool
        switch fault {
        case .drainNode:
            let command = [executable, "drain", directory.path, "\(victim.id)"]
            isDone = try await NodeShell.local.run(command, on: victim)
        case .stopWorker, .stopAgent: isDone = try await signal("STOP", fault, victim)
        default: isDone = try await signal("KILL", fault, victim)
        }
        if !isDone { row.fail("\(name): node \(victim.id) could not be hit") }
    }

    private func signal(
        _ signal: String,
        _ fault: DrillFault,
        _ victim: NodeStatus
    ) async throws -> Bool {
        let agent = [victim.agentPID].compactMap { $0 }
        let pids =
            switch fault {
            case .killWorker, .stopWorker: victim.workerPIDs
            case .killAgent, .stopAgent: agent
            default: victim.workerPIDs + agent
            }
        return try await shell.run(["kill", "-\(signal)"] + pids.map { "\($0)" }, on: victim)
    }

    /// Whoever is out must be gone soon.
    private func seeOff(_ victim: NodeStatus, _ name: String, _ row: inout DrillRow) async throws {
        let end = MonotonicTime.now + Self.patience
        for pid in victim.workerPIDs + [victim.agentPID].compactMap({ $0 }) {
            while try await shell.run(["kill", "-0", "\(pid)"], on: victim) {
                guard MonotonicTime.now < end else {
                    row.leaks.append("\(name): process \(pid) of node \(victim.id)")
                    row.verdict = .failed
                    break
                }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    // MARK: Watching

    /// Longest that a run may take to be as it should, beside twenty steps of its own.
    private static let patience: Seconds = 120

    /// The run's status as soon as it is as wanted; nothing once it has ended or the time is up.
    private func status(where isWanted: (RunStatus) -> Bool) async throws -> RunStatus? {
        let start = MonotonicTime.now
        var end = start + Self.patience
        while MonotonicTime.now < end, !directory.isFinished {
            try requireCoordinator()
            if FileManager.default.fileExists(atPath: directory.statusPath) {
                let status = try directory.status()
                if isWanted(status) { return status }
                end = max(end, start + Self.patience + 20 * (status.stepTime ?? 0))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }
}
