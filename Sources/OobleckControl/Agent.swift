import Foundation
import GRPCCore
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire
import Synchronization

/// A node's supervisor: joins a run, starts the node's worker, says at once when it is gone, and
/// sees to it that it never outlives the run.
package struct Agent: Sendable {
    let coordinator: CoordinatorAddress
    let token: RunToken
    let tokenPath: String
    let tls: ControlTLS?
    let node: NodeID?
    let workerExecutable: String
    let logPath: String?
    let listenHost: String
    let sharesMachine: Bool
    let deadlines: Deadlines
    let name: String?
    let departure: Departure

    /// An agent.
    ///
    /// - Parameters:
    ///   - coordinator: Where the run's coordinator listens.
    ///   - token: What the coordinator wants to see.
    ///   - tokenPath: The file that has it, for the worker to read.
    ///   - tls: Certificates for the control messages of agent and worker; `nil` is plain text.
    ///   - node: The number to join as; `nil` takes the next free one.
    ///   - workerExecutable: What to run as the worker.
    ///   - logPath: File to which the worker's output is added; `nil` is ours.
    ///   - listenHost: Address at which the worker listens for the other workers.
    ///   - sharesMachine: Whether other nodes of the run are on this machine.
    ///   - deadlines: What the run's detection budget is taken to be before the run has said so.
    ///   - name: What the node calls itself whenever it joins; `nil` takes the machine's name, with
    ///     the number that it joins as.
    ///   - departure: Has it leave in order.
    package init(
        coordinator: CoordinatorAddress,
        token: RunToken,
        tokenPath: String,
        tls: ControlTLS? = nil,
        node: NodeID?,
        workerExecutable: String,
        logPath: String?,
        listenHost: String = "127.0.0.1",
        sharesMachine: Bool = false,
        deadlines: Deadlines = .standard,
        name: String? = nil,
        departure: Departure = Departure()
    ) {
        self.coordinator = coordinator
        self.token = token
        self.tokenPath = tokenPath
        self.tls = tls
        self.node = node
        self.workerExecutable = workerExecutable
        self.logPath = logPath
        self.listenHost = listenHost
        self.sharesMachine = sharesMachine
        self.deadlines = deadlines
        self.name = name
        self.departure = departure
    }

    /// Serves until the run is over.
    ///
    /// Throws one line when the node is refused or put out, or the coordinator or the worker is
    /// gone; in any case the worker is gone afterwards.
    package func run() async throws {
        let worker = WorkerHolder()
        defer { worker.kill() }
        try await coordinator.withClient(token: token, tls: tls) { client in
            try await converse(WireControlPlane.Client(wrapping: client), worker)
        }
    }

    private func converse<Transport: ClientTransport>(
        _ client: WireControlPlane.Client<Transport>,
        _ worker: WorkerHolder
    ) async throws {
        let notices = Outbox<(NodeID, AgentNotice)>()
        let number = node.map { "/\($0)" } ?? ""
        let hello = SessionHello(
            node: node,
            pid: Int(getpid()),
            nodeName: name ?? ProcessEnvironment.hostName + number,
            programVersion: programVersion,
            openFileLimit: ProcessEnvironment.raiseOpenFileLimit()
        )
        let watch = ConnectionWatch(coordinator, within: deadlines.connect)
        defer { notices.close() }
        try await watch.run {
            try await client.agentSession(
                options: .session,
                requestProducer: { writer in
                    try await writer.write(WireAgentReport(hello: hello))
                    for await (node, notice) in notices.elements {
                        try await writer.write(WireAgentReport(notice, node: node))
                    }
                },
                onResponse: { response in
                    var farewell = deadlines.farewell
                    var heartbeats: HeartbeatTimer?
                    defer { heartbeats?.cancel() }
                    for try await directive in response.messages {
                        switch try directive.instruction() {
                        case .admitted(let node, let budget):
                            watch.connected()
                            heartbeats = HeartbeatTimer(budget: budget) {
                                _ = notices.add((node, .heartbeat))
                            }
                            farewell = Deadlines(budget: budget).farewell
                            departure.onRequest { reason in
                                _ = notices.add((node, .leaving(reason: reason)))
                            }
                            try start(worker, node: node, budget: budget, notices)
                        case .refused(let reason):
                            throw OobleckError(.usage, "the coordinator refuses: \(reason)")
                        case .fence(let reason):
                            worker.kill()
                            throw OobleckError(.outOfNodes, "put out of the run: \(reason)")
                        case .stop:
                            return try await worker.leave(within: farewell)
                        }
                    }
                    worker.kill()
                    guard let exit = worker.exit else {
                        throw OobleckError(.outOfNodes, "the coordinator ended the session")
                    }
                    // A worker that was told to leave does so with status 0.
                    if exit != .status(0) { throw OobleckError(.outOfNodes, "its worker \(exit)") }
                }
            )
        }
    }

    private func start(
        _ worker: WorkerHolder,
        node: NodeID,
        budget: Seconds,
        _ notices: Outbox<(NodeID, AgentNotice)>
    ) throws {
        try worker.start {
            try ChildProcess.spawn(
                workerExecutable,
                [
                    "worker", "--coordinator", coordinator.description, "--token-file",
                    tokenPath, "--node", node.description, "--host", listenHost,
                    "--detection-budget", "\(budget.value)",
                ] + (sharesMachine ? ["--shares-machine"] : []) + (tls?.arguments ?? []),
                // One thread each: the node is the unit of parallelism.
                environment: ["OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"],
                group: .parents,
                holdsInput: true,
                logPath: logPath
            ) { exit in
                worker.noteExit(exit)
                _ = notices.add((node, .workerExited(evidence: "its worker \(exit)")))
                // A node without a worker is over: the coordinator reads this, then the end.
                notices.close()
            }
        }
    }
}

/// The agent's worker, if there is one.
private final class WorkerHolder: Sendable {
    private struct State {
        var process: ChildProcess?
        var isOver = false
        var exit: ChildProcess.Exit?
    }

    private let state = Mutex(State())

    /// How the worker ended; `nil` while it lives.
    var exit: ChildProcess.Exit? { state.withLock { $0.exit } }

    func start(_ spawn: () throws -> ChildProcess) throws {
        try state.withLock { state in
            guard !state.isOver, state.process == nil else { return }
            state.process = try spawn()
        }
    }

    func noteExit(_ exit: ChildProcess.Exit) { state.withLock { $0.exit = exit } }

    /// Ends the worker at once, and lets no other start.
    func kill() {
        state.withLock { state in
            state.isOver = true
            _ = state.process?.signal(SIGKILL)
        }
    }

    /// Lets the worker leave by itself, and ends it when it takes too long.
    func leave(within time: Seconds) async throws {
        let process = state.withLock { state in
            state.isOver = true
            return state.process
        }
        guard let process else { return }
        let deadline = MonotonicTime.now + time
        if try await !process.waitUntilExit(deadline: deadline) { kill() }
    }
}
