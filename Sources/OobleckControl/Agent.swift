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
    /// How long a worker may take to leave by itself when the run is over.
    static let farewell: Seconds = 2

    let coordinator: CoordinatorLocator
    let token: String
    let node: NodeID?
    let workerExecutable: String
    let workerArguments: [String]
    let logPath: String?

    /// An agent.
    ///
    /// - Parameters:
    ///   - coordinator: Where the run's coordinator listens.
    ///   - token: What the coordinator wants to see.
    ///   - node: The number to join as; `nil` takes the next free one.
    ///   - workerExecutable: What to run as the worker.
    ///   - workerArguments: How the worker finds the coordinator.
    ///   - logPath: File to which the worker's output is added; `nil` is ours.
    package init(
        coordinator: CoordinatorLocator,
        token: String,
        node: NodeID?,
        workerExecutable: String,
        workerArguments: [String],
        logPath: String?
    ) {
        self.coordinator = coordinator
        self.token = token
        self.node = node
        self.workerExecutable = workerExecutable
        self.workerArguments = workerArguments
        self.logPath = logPath
    }

    /// Serves until the run is over.
    ///
    /// Throws one line when the node is refused or put out, or the coordinator or the worker is
    /// gone; in any case the worker is gone afterwards.
    package func run() async throws {
        let worker = WorkerHolder()
        defer { worker.kill() }
        let events = EventRelay()
        let logic = AgentSession(
            token: token,
            node: node,
            pid: Int(getpid()),
            hasStandby: coordinator.hasStandby,
            now: MonotonicTime.now
        )
        let node = Mutex(node)
        let driver = SessionDriver(
            logic,
            open: { [coordinator] attempt in
                try await coordinator.address().withClient { client in
                    let client = WireControlPlane.Client(wrapping: client)
                    try await Self.converse(client, node: { node.withLock { $0 } }, attempt)
                }
            },
            act: { action in
                switch action {
                case .startWorker(let number):
                    node.withLock { $0 = number }
                    start(worker, node: number, events)
                case .killWorker: worker.kill()
                case .dismissWorker: worker.dismiss()
                }
            }
        )
        events.open { driver.local($0) }
        let ending = await driver.run()
        if worker.isDismissed { try await worker.leave(within: Self.farewell) }
        if case .failed(let error) = ending { throw error }
    }

    private static func converse<Transport: ClientTransport>(
        _ client: WireControlPlane.Client<Transport>,
        node: @Sendable @escaping () -> NodeID?,
        _ attempt: SessionAttempt<AgentInstruction, AgentNotice>
    ) async throws {
        try await client.agentSession(
            options: .session,
            requestProducer: { writer in
                attempt.opened()
                for await report in attempt.reports.elements {
                    switch report {
                    case .hello(let hello): try await writer.write(WireAgentReport(hello: hello))
                    case .notice(let notice):
                        guard let node = node() else { continue }
                        try await writer.write(WireAgentReport(notice, node: node))
                    }
                }
            },
            onResponse: { response in
                for try await directive in response.messages {
                    attempt.received(try directive.instruction())
                }
            }
        )
    }

    private func start(_ worker: WorkerHolder, node: NodeID, _ events: EventRelay) {
        do {
            try worker.start {
                try ChildProcess.spawn(
                    workerExecutable,
                    ["worker", "--token", token, "--node", node.description] + workerArguments,
                    // One thread each: the node is the unit of parallelism.
                    environment: ["OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"],
                    group: .parents,
                    holdsInput: true,
                    logPath: logPath
                ) { exit in
                    worker.noteExit(exit)
                    // A worker that was told to leave does so with status 0.
                    let isInOrder = exit == .status(0)
                    events.pass(.workerExited(evidence: "its worker \(exit)", inOrder: isInOrder))
                }
            }
        } catch let error as OobleckError {
            events.pass(.workerFailed(error))
        } catch {
            events.pass(.workerFailed(OobleckError(.internalFault, "\(error)")))
        }
    }
}

/// Passes what happens on the node on to a session that is made later.
private final class EventRelay: Sendable {
    private let receiver = Mutex<(@Sendable (AgentSession.Local) -> Void)?>(nil)

    func open(_ receiver: @escaping @Sendable (AgentSession.Local) -> Void) {
        self.receiver.withLock { $0 = receiver }
    }

    func pass(_ event: AgentSession.Local) {
        let receiver = receiver.withLock { $0 }
        receiver?(event)
    }
}

/// The agent's worker, if there is one.
private final class WorkerHolder: Sendable {
    private struct State {
        var process: ChildProcess?
        var isOver = false
        var isDismissed = false
        var exit: ChildProcess.Exit?
    }

    private let state = Mutex(State())

    /// Whether the worker may leave by itself.
    var isDismissed: Bool { state.withLock { $0.isDismissed } }

    func start(_ spawn: () throws -> ChildProcess) throws {
        try state.withLock { state in
            guard !state.isOver, state.process == nil else { return }
            state.process = try spawn()
        }
    }

    func noteExit(_ exit: ChildProcess.Exit) { state.withLock { $0.exit = exit } }

    /// Lets no other worker start.
    func dismiss() {
        state.withLock { state in
            state.isOver = true
            state.isDismissed = true
        }
    }

    /// Ends the worker at once, and lets no other start.
    func kill() {
        state.withLock { state in
            state.isOver = true
            _ = state.process?.signal(SIGKILL)
        }
    }

    /// Lets the worker leave by itself, and ends it when it takes too long.
    func leave(within time: Seconds) async throws {
        guard let process = state.withLock({ $0.process }) else { return }
        let deadline = MonotonicTime.now + time
        if try await !process.waitUntilExit(deadline: deadline) { kill() }
    }
}
