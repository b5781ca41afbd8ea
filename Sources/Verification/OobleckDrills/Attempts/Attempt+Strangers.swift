import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// Processes that are no part of the run's own: agents started by hand, and its coordinator.
extension Attempt {
    /// Whoever is to be refused must be so soon.
    static let patience: Seconds = 30

    func killCoordinator(_ run: ObservedRun, _ ending: inout Ending) throws {
        let pid = try RunDirectory.open(path: run.path).endpoint().pid
        run.note(pid)
        ending.coordinatorHit = MonotonicTime.now
        guard kill(pid_t(pid), SIGKILL) == 0 else {
            return ending.problems.append("the coordinator was gone before it was hit")
        }
    }

    /// A node of one name joins and dies twice; the third time it must be kept out.
    func flap(_ run: ObservedRun, _ ending: inout Ending) async throws {
        for _ in 0..<2 {
            let agent = try startAgent(run, "flap", ["--name", "flapper"])
            defer { agent.signalGroup(SIGKILL) }
            let pid = Int(agent.pid)
            let status = try await run.wait(for: Self.patience) { status in
                status.nodes.contains { $0.agentPID == pid && $0.state == .healthy }
            }
            guard let node = status?.nodes.first(where: { $0.agentPID == pid }) else {
                return ending.problems.append("the node did not join")
            }
            ending.hits[node.id] = MonotonicTime.now
            ending.leastLosses += 1
            ending.mostLosses += 1
            agent.signalGroup(SIGKILL)
            guard try await run.waitForLoss(of: node.id) else {
                return ending.problems.append("node \(node.id), killed, was not found")
            }
        }
        let agent = try startAgent(run, "flap-again", ["--name", "flapper"])
        try await expectRefusal(of: agent, "flap-again", "has died 2 times", &ending)
    }

    /// Agents with the wrong token, another authority's certificate, or none.
    func startStrangers(
        _ run: ObservedRun,
        _ certificates: DrillCertificates
    ) async throws -> [(who: String, agent: ChildProcess)] {
        let others = try await DrillCertificates(laboratory.path(name + "-other-ca"))
        let strangers: [(String, [String], String?)] = [
            ("no-certificate", [], nil), ("other-authority", others.arguments, nil),
            ("wrong-token", certificates.arguments, try wrongToken()),
        ]
        return try strangers.map { who, arguments, token in
            (who, try startAgent(run, who, arguments, token: token))
        }
    }

    /// A file with a token that is no run's.
    func wrongToken() throws -> String {
        let path = laboratory.path(name + "-token")
        let wrong = String(repeating: "0123456789abcdef", count: 4) + "\n"
        let isWritten = FileManager.default.createFile(
            atPath: path,
            contents: Data(wrong.utf8),
            attributes: [.posixPermissions: 0o600]
        )
        guard isWritten else { throw OobleckError(.storage, "cannot write \(path)") }
        return path
    }

    func expectRefusals(
        of strangers: [(who: String, agent: ChildProcess)],
        _ run: ObservedRun,
        _ ending: inout Ending
    ) async throws {
        defer { for stranger in strangers { stranger.agent.signalGroup(SIGKILL) } }
        for (who, agent) in strangers { try await expectRefusal(of: agent, who, nil, &ending) }
        let count = try run.status()?.nodes.count ?? 0
        if count != fault.nodes {
            ending.problems.append("\(counted(count, "node")); a stranger joined")
        }
    }

    /// Starts an agent by hand; the words `through` run it as the rest of their command line.
    func startAgent(
        _ run: ObservedRun,
        _ log: String,
        _ arguments: [String],
        coordinator: String? = nil,
        token: String? = nil,
        through words: [String] = []
    ) throws -> ChildProcess {
        let directory = try RunDirectory.open(path: run.path)
        let endpoint = try directory.endpoint()
        let agent = [
            laboratory.executable, "agent",
            "--coordinator", coordinator ?? "\(endpoint.host):\(endpoint.port)",
            "--token-file", token ?? directory.tokenPath,
            "--worker-executable", laboratory.workerExecutable,
        ]
        let command = words + agent + arguments
        return try ChildProcess.spawn(
            command[0],
            Array(command.dropFirst()),
            group: .own,
            holdsInput: false,
            logPath: laboratory.path("\(name)-\(log).log")
        )
    }

    /// The agent ends soon, with an error that says why on a line of its own.
    func expectRefusal(
        of agent: ChildProcess,
        _ log: String,
        _ reason: String?,
        _ ending: inout Ending
    ) async throws {
        defer { agent.signalGroup(SIGKILL) }
        let end = MonotonicTime.now + Self.patience
        guard try await agent.waitUntilExit(deadline: end), agent.exitStatus != .status(0) else {
            return ending.problems.append("\(log): the agent was not refused")
        }
        let path = laboratory.path("\(name)-\(log).log")
        let said = String(
            decoding: FileManager.default.contents(atPath: path) ?? Data(),
            as: UTF8.self
        )
        let last = said.split(whereSeparator: \.isNewline).last ?? ""
        if let reason, !last.contains(reason) {
            ending.problems.append("\(log): the agent says \(said.suffix(200))")
        }
    }
}
