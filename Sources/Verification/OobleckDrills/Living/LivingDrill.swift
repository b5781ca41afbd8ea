import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles

/// Rows of the fault matrix on a run that somebody else started, on machines of theirs.
///
/// The run is hit again and again while it trains, and has to get over each hit before the next. It
/// is never left with fewer nodes than its guarantee needs. Held where the run's directory is, on
/// the machine of its coordinator.
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
    /// Throws ``OobleckError/Code/usage`` with one line when no such run trains on this machine.
    package func run(
        into report: DrillReport,
        onRow: (DrillRow) -> Void
    ) async throws -> DrillReport {
        guard directory.isRunning, !directory.isFinished else {
            throw OobleckError(
                .usage,
                "\(directory.path) does not train on this machine; start the run, and hold the "
                    + "drill where its coordinator is"
            )
        }
        var report = report
        let start = MonotonicTime.now
        for fault in faults where !report.isInterrupted {
            var row = DrillRow(fault: fault)
            row.isStateEqual = nil
            let began = MonotonicTime.now
            for number in 0..<repeats where row.verdict == .passed && !report.isInterrupted {
                do {
                    guard try await hit(fault, number, &row) else { break }
                } catch  where Task.isCancelled {
                    report.isInterrupted = true
                } catch let error as OobleckError {
                    row.fail("\(fault.rawValue)-\(number): \(error.message)")
                }
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

    /// Waits until the run has ended, however long it trains, and returns its state; nothing when it
    /// stopped without one.
    package func endState(in report: inout DrillReport, expected: String) async throws -> String? {
        let watch = RunWatch(directory)
        while !directory.isFinished, try !watch.isOver() {
            try await Task.sleep(for: .milliseconds(200))
        }
        guard directory.isFinished else { return nil }
        let found = try directory.result().stateSHA256
        report.references["expected"] = expected
        for index in report.rows.indices where report.rows[index].runs > 0 {
            report.rows[index].isStateEqual = found == expected
        }
        return found
    }

    // MARK: One hit

    /// Hits the run once; false when no more hits of this row are possible.
    private func hit(
        _ fault: DrillFault,
        _ number: Int,
        _ row: inout DrillRow
    ) async throws -> Bool {
        let name = "\(fault.rawValue)-\(number)"
        let watch = RunWatch(directory)
        let before: RunStatus
        switch try await watch.wait(until: { $0.phase == .training }) {
        case .reached(let status): before = status
        case .ended: return give(up: "the run has ended", &row)
        case .timedOut(let time):
            row.fail("\(name): the run did not train for \(time.value) s")
            return false
        }
        let count = fault == .killTwoAtOnce ? 2 : 1
        if let lack = try lack(before, losing: count) { return give(up: lack, &row) }
        var random = DrillRandom(seed: seed, fault, number)
        let working = before.nodes.filter { $0.state == .healthy && $0.pipeline != nil }
        let victims = Array(working.shuffled(using: &random).prefix(count))
        let hits = try await strike(fault, victims)
        row.runs += 1
        let sight = try await continuing(fault, victims) {
            try await watch.wait { status in
                let left = status.nodes.filter { $0.state.isAlive }.map(\.id)
                return status.phase == .training && status.step > before.step + 1
                    && victims.allSatisfy { !left.contains($0.id) }
            }
        }
        if case .timedOut(let time) = sight {
            row.fail("\(name): the run did not get over it in \(time.value) s")
            return false
        }
        if fault != .drainNode {
            let times = try RunTimings(hits: hits, path: directory.eventsPath)
            row.losses += times.detected.count
            row.detected += times.detected
            row.recovered += times.recovered
        }
        for victim in victims { try await seeOff(victim, name, &row) }
        return true
    }

    /// What was done before stays done.
    private func give(up reason: String, _ row: inout DrillRow) -> Bool {
        if row.runs == 0 { row.skip(reason) } else { row.reasons.append(reason) }
        return false
    }

    /// Why a run must not lose so many nodes; nothing when it may.
    private func lack(_ status: RunStatus, losing count: Int) throws -> String? {
        let guarantee = try directory.plan().guarantee
        guard count <= guarantee.faultTolerance else {
            return "the run survives \(guarantee.faultTolerance) at once"
        }
        // Who is suspect may be as good as lost.
        let left = status.nodes.count { $0.state == .healthy }
        guard left - count < guarantee.minimumNodes else { return nil }
        return "\(counted(left, "node")) left, \(guarantee.minimumNodes) have to stay"
    }

    /// Hits all at once, and returns when each was.
    private func strike(
        _ fault: DrillFault,
        _ victims: [NodeStatus]
    ) async throws -> [NodeID: Seconds] {
        try await withThrowingTaskGroup(of: (NodeID, Seconds).self) { group in
            for victim in victims {
                group.addTask {
                    let time = MonotonicTime.now
                    try await strike(fault, victim)
                    return (victim.id, time)
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    private func strike(_ fault: DrillFault, _ victim: NodeStatus) async throws {
        switch fault {
        case .drainNode:
            let command = [executable, "drain", directory.path, "\(victim.id)"]
            let outcome = try await CommandOutcome.of(command)
            guard outcome.status != 0 else { return }
            throw OobleckError(.internalFault, "drain failed: \(outcome.lastLine)")
        case .stopWorker, .stopAgent:
            try await shell.signal("STOP", victim.pids(target(of: fault)), of: victim)
        default: try await shell.signal("KILL", victim.pids(target(of: fault)), of: victim)
        }
    }

    private func target(of fault: DrillFault) -> PlannedFault.Target {
        switch fault {
        case .killWorker, .stopWorker: .worker
        case .killAgent, .stopAgent: .agent
        default: .node
        }
    }

    /// Does `body`, and has what was stopped go on afterwards, whatever happens.
    private func continuing<Result>(
        _ fault: DrillFault,
        _ victims: [NodeStatus],
        _ body: () async throws -> Result
    ) async throws -> Result {
        func goOn() async throws {
            guard fault == .stopWorker || fault == .stopAgent else { return }
            // Also when somebody interrupts the drill. Whoever has ended meanwhile needs nothing.
            try await Task {
                for victim in victims {
                    for pid in victim.pids(target(of: fault))
                    where try await shell.isOurs(pid, on: victim) {
                        try await shell.signal("CONT", [pid], of: victim)
                    }
                }
            }.value
        }
        let result: Result
        do {
            result = try await body()
        } catch {
            try await goOn()
            throw error
        }
        try await goOn()
        return result
    }

    /// Whoever is out must be gone soon.
    private func seeOff(_ victim: NodeStatus, _ name: String, _ row: inout DrillRow) async throws {
        let end = MonotonicTime.now + RunWatch.patience
        for pid in victim.pids(.node) {
            while try await shell.isOurs(pid, on: victim) {
                guard MonotonicTime.now < end else {
                    row.leaks.append("\(name): process \(pid) of node \(victim.id)")
                    row.verdict = .failed
                    break
                }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}
