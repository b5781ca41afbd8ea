import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles
import OobleckTransport

extension Attempt {
    /// Steps with packets that take longer, each of which takes seconds.
    private static let delayedSteps = 12
    private static let longestDelay: Seconds = 0.1

    /// Each node in a network namespace of its own, and the coordinator in one.
    mutating func disturbNetwork() async throws -> Ending {
        let network = NetworkLaboratory(nodes: fault.nodes)
        let ending: Ending
        do {
            try await network.build()
            ending = try await disturb(network)
        } catch {
            if let left = await network.tearDown() { throw left }
            throw error
        }
        if let left = await network.tearDown() { throw left }
        return ending
    }

    private mutating func disturb(_ network: NetworkLaboratory) async throws -> Ending {
        let laboratory = drill.laboratory
        guard let ip = NetworkLaboratory.ip else {
            throw OobleckError(.internalFault, "there is no ip command")
        }
        var arguments = laboratory.trainArguments(name, fault.reference)
        arguments += ["--nodes", "\(fault.nodes)", "--listen", NetworkLaboratory.coordinatorHost]
        arguments += ["--start-nodes", "0"]
        let run = try ObservedRun(
            path: laboratory.path(name),
            executable: ip,
            arguments: network.wrapped(nil, [laboratory.executable] + arguments)
        )
        var agents: [ChildProcess] = []
        defer { for agent in agents { agent.signalGroup(SIGKILL) } }
        var ending = Ending(run: run)
        do {
            agents = try await startAgents(run, network, ip)
            try await disturb(run, network, &ending)
            ending.status = try await run.end()
            try await seeAgentsOff(agents, &ending)
        } catch {
            try await Task { try await run.clear() }.value
            throw error
        }
        return ending
    }

    private func startAgents(
        _ run: ObservedRun,
        _ network: NetworkLaboratory,
        _ ip: String
    ) async throws -> [ChildProcess] {
        let end = MonotonicTime.now + 60
        while run.port == nil, run.process.exitStatus == nil, MonotonicTime.now < end {
            _ = try run.status()
            try await Task.sleep(for: .milliseconds(20))
        }
        guard run.port != nil else {
            throw OobleckError(.internalFault, "the coordinator did not start: \(run.lastLine)")
        }
        let directory = try RunDirectory.open(path: run.path)
        let endpoint = try directory.endpoint()
        return try (0..<fault.nodes).map { node in
            let command = [
                drill.laboratory.executable, "agent",
                "--coordinator", "\(endpoint.host):\(endpoint.port)",
                "--token-file", directory.tokenPath, "--node", "\(node)",
                "--listen", network.address(of: node),
                "--worker-executable", drill.laboratory.workerExecutable,
                "--log", "\(run.path)/logs/node-\(node).log",
            ]
            return try ChildProcess.spawn(
                ip,
                network.wrapped(node, command),
                group: .own,
                holdsInput: false,
                logPath: "\(run.path)/logs/node-\(node).log"
            )
        }
    }

    private mutating func disturb(
        _ run: ObservedRun,
        _ network: NetworkLaboratory,
        _ ending: inout Ending
    ) async throws {
        let step = moment()
        guard let status = try await run.wait(until: { $0.phase == .training && $0.step >= step })
        else { return ending.problems.append("it never got to step \(step)") }
        let nodes = status.nodes.filter { $0.state == .healthy && $0.pipeline != nil }
            .map(\.id.rawValue).shuffled(using: &random)
        guard nodes.count >= 2 else {
            return ending.problems.append("only \(nodes.count) nodes train at step \(status.step)")
        }
        switch fault {
        case .bandwidthLimit:
            let rate = ["tbf", "rate", "20mbit", "burst", "64kbit", "latency", "400ms"]
            ending.skipped = try await network.shape(nodes[0], rate)
        case .jitter:
            let link = try await network.delay(nodes[0], upTo: Self.longestDelay, random)
            let end = status.step + Self.delayedSteps
            if try await run.wait(until: { $0.step >= end }) == nil {
                ending.problems.append("it never got to step \(end)")
            }
            try await network.endDelay(nodes[0])
            if link.longestWait < 0.5 * Self.longestDelay {
                let wait = Spread.milliseconds(link.longestWait)
                ending.problems.append("no packet took longer than \(wait) ms")
            }
        case .partitionCoordinator: try await cutOffCoordinator(run, network, &ending)
        case .partitionPair: try await part(status, run, network, &ending)
        default:
            let count = fault == .partitionMinority ? 2 : 1
            try await cutOff(Array(nodes.prefix(count)), run, network, &ending)
        }
    }

    /// Nodes are cut off until they are found lost, and for a while more; the others go on
    /// meanwhile, and the cut-off ones must not commit a step, must be refused, and must end.
    private func cutOff(
        _ nodes: [Int],
        _ run: ObservedRun,
        _ network: NetworkLaboratory,
        _ ending: inout Ending
    ) async throws {
        for node in nodes {
            ending.hits[NodeID(node)] = MonotonicTime.now
            try await setReach(node, isOpen: false, network)
        }
        ending.leastLosses = nodes.count
        ending.mostLosses = nodes.count
        for node in nodes where try await !run.waitForLoss(of: NodeID(node)) {
            ending.problems.append("node \(node), cut off, was not found")
        }
        let before = try run.status()?.step ?? 0
        if try await run.wait(until: { $0.step > before + 1 }) == nil,
            try run.status()?.phase == .training
        {
            ending.problems.append("the others did not go on")
        }
        for node in nodes { try await setReach(node, isOpen: true, network) }
    }

    private func setReach(
        _ node: Int,
        isOpen: Bool,
        _ network: NetworkLaboratory
    ) async throws {
        switch fault {
        case .partitionToCoordinator:
            try await network.setPath(
                from: node,
                to: NetworkLaboratory.coordinatorHost,
                isOpen: isOpen
            )
        case .partitionFromCoordinator:
            try await network.setPath(from: nil, to: network.address(of: node), isOpen: isOpen)
        default: try await network.setLink(node, isUp: isOpen)
        }
    }

    /// Two nodes that work together do not reach each other any more, though both the coordinator:
    /// one of them has to be put out, and the others go on.
    private func part(
        _ status: RunStatus,
        _ run: ObservedRun,
        _ network: NetworkLaboratory,
        _ ending: inout Ending
    ) async throws {
        let pair = status.nodes.filter { $0.pipeline == 0 && $0.state == .healthy }
            .sorted { ($0.stages.first ?? 0) < ($1.stages.first ?? 0) }
            .prefix(2).map(\.id.rawValue)
        guard pair.count == 2 else { return ending.problems.append("pipeline 0 is of one node") }
        for (from, to) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            try await network.setPath(from: from, to: network.address(of: to), isOpen: false)
        }
        ending.leastLosses = 1
        ending.mostLosses = 1
    }

    /// For one and a half detection budgets nobody reaches the coordinator: no step may be
    /// committed, and nobody may be taken for lost.
    private func cutOffCoordinator(
        _ run: ObservedRun,
        _ network: NetworkLaboratory,
        _ ending: inout Ending
    ) async throws {
        try await network.setLink(nil, isUp: false)
        // What was under way when the link went down has arrived after this.
        try await Task.sleep(for: .milliseconds(200))
        let before = try run.status()?.step ?? 0
        try await Task.sleep(for: .milliseconds(2800))
        let after = try run.status()?.step ?? 0
        try await network.setLink(nil, isUp: true)
        if after > before + 1 {
            ending.problems.append("steps \(before) to \(after) were committed without a node")
        }
    }

    /// All agents end by themselves once the run is over.
    private func seeAgentsOff(_ agents: [ChildProcess], _ ending: inout Ending) async throws {
        let end = MonotonicTime.now + 15
        for (node, agent) in agents.enumerated() where try await !agent.waitUntilExit(deadline: end)
        {
            ending.problems.append("agent \(node) is left after the run")
        }
    }
}
