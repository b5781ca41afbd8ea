import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles

/// Runs whose state is in an etcd of three members, with a standby that waits for the lead.
extension Attempt {
    /// Longer than the lease of a leader, which lasts one and a half budgets.
    private static let long = 2 * Deadlines.standard.budget
    private static let short = Deadlines.standard.budget

    mutating func disturbStore() async throws -> Ending {
        guard fault.needsNamespaces else { return try await disturbStore(nil) }
        let network = NetworkLaboratory(nodes: DrillEtcd.count)
        let ending: Ending
        do {
            try await network.build()
            ending = try await disturbStore(network)
        } catch {
            if let left = await network.tearDown() { throw left }
            throw error
        }
        if let left = await network.tearDown() { throw left }
        return ending
    }

    private mutating func disturbStore(_ network: NetworkLaboratory?) async throws -> Ending {
        let etcd = try DrillEtcd(
            laboratory.path(name + "-etcd"),
            in: network,
            clocks: fault == .etcdClocksApart ? [0, 1000, 100_000] : []
        )
        defer { etcd.remove() }
        let leader = try coordinate(
            laboratory.trainArguments(name, fault.reference) + ["--nodes", "\(fault.nodes)"],
            name,
            etcd,
            network
        )
        let standbyName = name + "-standby"
        let standby = try await standBy(standbyName, leader, etcd, network)
        do {
            var ending = Ending(run: leader)
            try await disturb(etcd, leader, network, &ending)
            return try await end(leader, standby, ending)
        } catch {
            try await Task {
                try await leader.clear()
                try await standby.clear()
            }.value
            throw error
        }
    }

    private func coordinate(
        _ arguments: [String],
        _ name: String,
        _ etcd: DrillEtcd,
        _ network: NetworkLaboratory?
    ) throws -> ObservedRun {
        let command = [laboratory.executable] + arguments + ["--coordination", etcd.location]
        let whole =
            if let network, let ip = NetworkLaboratory.ip {
                [ip] + network.wrapped(nil, command)
            } else {
                command
            }
        return try ObservedRun(
            path: laboratory.path(name),
            executable: whole[0],
            arguments: Array(whole.dropFirst())
        )
    }

    /// A standby, once there is a run to stand by for.
    private func standBy(
        _ name: String,
        _ leader: ObservedRun,
        _ etcd: DrillEtcd,
        _ network: NetworkLaboratory?
    ) async throws -> ObservedRun {
        guard try await leader.wait(until: { $0.phase == .training }) != nil else {
            try await Task { try await leader.clear() }.value
            throw OobleckError(.internalFault, "the leader did not train: \(leader.lastLine)")
        }
        let arguments = ["train", "--standby", "--run-dir", laboratory.path(name)]
        return try coordinate(arguments, name, etcd, network)
    }

    private mutating func disturb(
        _ etcd: DrillEtcd,
        _ leader: ObservedRun,
        _ network: NetworkLaboratory?,
        _ ending: inout Ending
    ) async throws {
        let step = moment()
        guard try await leader.wait(until: { $0.step >= step }) != nil else {
            return ending.problems.append("it never got to step \(step)")
        }
        let members = Array(0..<DrillEtcd.count).shuffled(using: &random)
        switch fault {
        case .etcdMemberStopped: try await stop([members[0]], etcd, Self.long)
        case .etcdMajorityStopped: try await stop(Array(members.prefix(2)), etcd, Self.long)
        // Each in turn: one of them leads the others.
        case .etcdClocksApart:
            for member in members { try await stop([member], etcd, Self.short) }
        case .etcdMemberKilled:
            etcd.signal(SIGKILL, [members[0]])
            try await pause(Self.short)
            try await etcd.restart(members[0])
        case .etcdMemberCut:
            try await network?.setLink(members[0], isUp: false)
            try await pause(Self.long)
            try await network?.setLink(members[0], isUp: true)
        case .etcdLeaderKilled: try killCoordinator(leader, &ending)
        default: break
        }
    }

    private func stop(_ members: [Int], _ etcd: DrillEtcd, _ time: Seconds) async throws {
        etcd.signal(SIGSTOP, members)
        defer { etcd.signal(SIGCONT, members) }
        try await pause(time)
    }

    private func pause(_ time: Seconds) async throws {
        try await Task.sleep(for: .seconds(time.value))
    }

    /// Waits for both coordinators, of which one has completed the run.
    private func end(
        _ leader: ObservedRun,
        _ standby: ObservedRun,
        _ disturbed: Ending
    ) async throws -> Ending {
        let (first, second) = (try await leader.end(), try await standby.end())
        let hasTakenOver = FileManager.default.fileExists(atPath: standby.path + "/result.json")
        let (judged, other) = hasTakenOver ? (standby, leader) : (leader, standby)
        var ending = Ending(run: judged)
        ending.status = hasTakenOver ? second : first
        ending.problems = disturbed.problems
        ending.coordinatorHit = disturbed.coordinatorHit
        if !hasTakenOver, second != 0 {
            ending.problems.append("the standby ended with \(second.map(String.init) ?? "nothing")")
        }
        // The nodes of a leader that was killed are the standby's, and leave with the run.
        let limit = MonotonicTime.now + 5
        while try !ProcessTable.mentioning(other.path + "/").isEmpty, MonotonicTime.now < limit {
            try await Task.sleep(for: .milliseconds(50))
        }
        let left = try ProcessTable.mentioning(other.path + "/")
        if !left.isEmpty { ending.problems.append("processes \(left) are left") }
        try checkEvents(judged, &ending)
        try await other.clear()
        for path in [other.path, other.temporaryPath]
        where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
        return ending
    }
}
