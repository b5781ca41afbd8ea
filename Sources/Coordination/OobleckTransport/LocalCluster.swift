import Foundation
import OobleckClock
import OobleckCore
import Synchronization

/// The nodes of a run on this machine: one agent process each, with its worker in its own process
/// group.
///
/// Whoever holds the cluster ends it when the run is over. When this process dies before, the nodes
/// wait for a coordinator that goes on with the run, which adopts them, and end by themselves when
/// none comes in time.
package final class LocalCluster: Sendable {
    private struct State {
        var agents: [NodeID: ChildProcess] = [:]
        /// Agents that an earlier coordinator started.
        var adopted: [NodeID: AdoptedProcess] = [:]
        var nextNode = 0
        var isClosed = false
    }

    private let executable: String
    private let workerExecutable: String
    private let coordinator: CoordinatorAddress
    private let tokenPath: String
    private let tls: ControlTLS?
    private let listenHost: String
    private let endpointPath: String
    private let coordination: String?
    private let logsPath: String
    private let deadlines: Deadlines
    private let metricsPort: Int?
    private let onExit: @Sendable (NodeID, String) -> Void
    private let state = Mutex(State())

    /// A cluster without nodes.
    ///
    /// - Parameters:
    ///   - executable: The command that has `agent`.
    ///   - workerExecutable: What agents run as their worker.
    ///   - coordinator: Where the run's coordinator listens.
    ///   - tokenPath: The file with the token that it wants to see.
    ///   - tls: Certificates for control messages; `nil` is plain text.
    ///   - listenHost: Address at which workers listen for each other.
    ///   - endpointPath: The run's coordinator.json, where agents and workers look for it.
    ///   - coordination: Where agents and workers find whoever leads the run, `etcd://...`; `nil` is
    ///     the endpoint alone.
    ///   - logsPath: Folder for each node's output.
    ///   - deadlines: The run's.
    ///   - metricsPort: The agent of node n serves its metrics at this port + n; `nil` is not at all.
    ///   - onExit: Told of an agent that ended otherwise than in order, and why, from a thread of its
    ///     own.
    package init(
        executable: String,
        workerExecutable: String,
        coordinator: CoordinatorAddress,
        tokenPath: String,
        tls: ControlTLS? = nil,
        listenHost: String = "127.0.0.1",
        endpointPath: String,
        coordination: String? = nil,
        logsPath: String,
        deadlines: Deadlines = .standard,
        metricsPort: Int? = nil,
        onExit: @escaping @Sendable (NodeID, String) -> Void = { _, _ in }
    ) {
        self.executable = executable
        self.workerExecutable = workerExecutable
        self.coordinator = coordinator
        self.tokenPath = tokenPath
        self.tls = tls
        self.listenHost = listenHost
        self.endpointPath = endpointPath
        self.coordination = coordination
        self.logsPath = logsPath
        self.deadlines = deadlines
        self.metricsPort = metricsPort
        self.onExit = onExit
    }

    /// Takes over the nodes of an earlier coordinator: those that still run, by the process id of
    /// their agent.
    ///
    /// Returns how many do. New nodes get numbers above all of `agents` and `used`.
    package func adopt(_ agents: [NodeID: Int], used: [NodeID]) -> Int {
        state.withLock { state in
            for (node, pid) in agents {
                state.adopted[node] = AdoptedProcess(pid: pid_t(pid), mark: endpointPath)
            }
            let highest = (used + agents.keys).map(\.rawValue).max() ?? -1
            state.nextNode = max(state.nextNode, highest + 1)
            return state.adopted.count
        }
    }

    /// Those of the agents, by their process ids, of which there is no process on this machine.
    package static func missing(_ agents: [NodeID: Int]) -> [NodeID] {
        agents.filter { AdoptedProcess.isGone(pid_t($0.value)) }.keys.sorted()
    }

    /// Those of the agents, by their process ids, that run on this machine for the run with this
    /// coordinator.json.
    package static func waiting(_ agents: [NodeID: Int], endpointPath: String) -> [NodeID] {
        agents.filter { AdoptedProcess(pid: pid_t($0.value), mark: endpointPath) != nil }
            .keys.sorted()
    }

    /// Starts one more node, with this number or the next, and returns its number.
    ///
    /// Throws one line when it cannot be started.
    @discardableResult
    package func addNode(_ number: NodeID? = nil) throws -> NodeID {
        try state.withLock { state in
            guard !state.isClosed else {
                throw OobleckError(.usage, "the run is over; start another to add nodes")
            }
            let node = number ?? NodeID(state.nextNode)
            let log = "\(logsPath)/node-\(node).log"
            let output = ProcessLog(log)
            state.agents[node] = try ChildProcess.spawn(
                executable,
                [
                    "agent", "--coordinator", coordinator.description, "--token-file",
                    tokenPath, "--endpoint", endpointPath, "--node", node.description,
                    "--worker-executable", workerExecutable, "--log", log, "--listen", listenHost,
                    "--detection-budget", "\(deadlines.budget.value)", "--shares-machine",
                ] + (coordination.map { ["--coordination", $0] } ?? []) + (tls?.arguments ?? [])
                    + metrics(of: node),
                group: .own,
                holdsInput: false,
                logPath: log
            ) { [onExit] exit in
                if exit != .status(0) { onExit(node, "its agent \(output.ending(exit).text)") }
            }
            state.nextNode = max(state.nextNode, node.rawValue + 1)
            return node
        }
    }

    private func metrics(of node: NodeID) -> [String] {
        guard let metricsPort else { return [] }
        let address = HostPort(host: listenHost, port: metricsPort + node.rawValue)
        return ["--metrics-listen", address.description]
    }

    /// Process ids of the agents that live, by node.
    package var agentPIDs: [NodeID: Int] {
        state.withLock { state in
            let children = state.agents.filter { $0.value.exitStatus == nil }
            let adopted = state.adopted.filter { $0.value.isAlive }.mapValues { Int($0.pid) }
            return children.mapValues { Int($0.pid) }.merging(adopted) { child, _ in child }
        }
    }

    /// Ends a node's agent and worker with SIGKILL; false when they are gone already.
    @discardableResult
    package func kill(_ node: NodeID) -> Bool {
        state.withLock { state in
            state.agents[node]?.signalGroup(SIGKILL) ?? state.adopted[node]?.signalGroup(SIGKILL)
                ?? false
        }
    }

    /// Ends all nodes at once, and lets no other start.
    ///
    /// For exits that cannot wait.
    package func killAll() {
        state.withLock { state in
            state.isClosed = true
            for agent in state.agents.values { agent.signalGroup(SIGKILL) }
            for agent in state.adopted.values { _ = agent.signalGroup(SIGKILL) }
        }
    }

    /// Ends nodes that a coordinator of this machine left behind, by the process ids of their
    /// agents, and returns how many still ran.
    package static func end(_ agents: [Int], endpointPath: String) -> Int {
        agents.count {
            AdoptedProcess(pid: pid_t($0), mark: endpointPath)?.signalGroup(SIGKILL) ?? false
        }
    }

    /// Lets go of the nodes: another coordinator has them now.
    package func abandon() {
        state.withLock { state in
            state.isClosed = true
            state.agents = [:]
            state.adopted = [:]
        }
    }

    /// Returns once all nodes have left; those that have not within `time` are ended.
    package func close(within time: Seconds) async throws {
        let agents = state.withLock { state in
            state.isClosed = true
            return Array(state.agents.values)
        }
        defer { killAll() }
        let deadline = MonotonicTime.now + time
        for agent in agents { _ = try await agent.waitUntilExit(deadline: deadline) }
        while !agentPIDs.isEmpty, MonotonicTime.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
        killAll()
        // SIGKILL leaves nothing to wait for but the kernel.
        let end = MonotonicTime.now + deadlines.linger
        for agent in agents { _ = try await agent.waitUntilExit(deadline: end) }
    }
}
