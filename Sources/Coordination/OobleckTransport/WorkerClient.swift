import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire
import Synchronization

/// A worker's session with its coordinator over gRPC, over as many streams as it takes.
package final class WorkerClient: ControlLink {
    private let driver: SessionDriver<WorkerSession>
    private let receiver: MessageReceiver
    private let gate: PieceGate

    /// A session of a worker; ``run(_:)`` opens it.
    ///
    /// `deadlines` bound how long that may take.
    package init(
        coordinator: CoordinatorLocator,
        token: RunToken,
        tls: ControlTLS? = nil,
        worker: WorkerID,
        deadlines: Deadlines = .standard
    ) {
        let receiver = MessageReceiver()
        self.receiver = receiver
        let gate = PieceGate(patience: deadlines.collective)
        self.gate = gate
        let logic = WorkerSession(
            worker: worker,
            hello: SessionHello(
                node: worker.node,
                device: worker.device,
                pid: Int(getpid()),
                programVersion: programVersion,
                openFileLimit: ProcessEnvironment.raiseOpenFileLimit()
            ),
            deadlines: deadlines,
            hasStandby: coordinator.hasStandby,
            now: MonotonicTime.now
        )
        driver = SessionDriver(
            logic,
            open: { attempt in
                try await coordinator.address().withClient(token: token, tls: tls) { client in
                    let client = WireControlPlane.Client(wrapping: client)
                    gate.open()
                    defer { gate.close() }
                    try await Self.converse(client, node: worker.node, attempt, gate)
                }
            },
            act: { receiver.receive($0) }
        )
    }

    /// Sends to the coordinator; keeps order.
    ///
    /// Waits only with a piece of a layer, while many wait to be sent.
    /// What is sent while no coordinator is there is told to the next one in the hello, or is done
    /// again because it did not count.
    package func send(_ message: WorkerMessage) {
        if case .layerChunk = message { gate.enter() }
        driver.local(message)
    }

    /// Connects, says hello, and hands each message to `onMessage` in order; looks for the
    /// coordinator again whenever it is gone.
    ///
    /// Returns after a `stop`. Throws one line when the coordinator cannot be reached, refuses the
    /// worker, puts it out, or is gone for good.
    package func run(
        _ onMessage: @escaping @Sendable (CoordinatorMessage) -> Void
    ) async throws {
        receiver.open(onMessage)
        if case .failed(let error) = await driver.run() { throw error }
    }

    private static func converse<Transport: ClientTransport>(
        _ client: WireControlPlane.Client<Transport>,
        node: NodeID,
        _ attempt: SessionAttempt<WorkerInstruction, WorkerReport>,
        _ gate: PieceGate
    ) async throws {
        try await client.workerSession(
            options: .session,
            requestProducer: { writer in
                attempt.opened()
                for await report in attempt.reports.elements {
                    switch report {
                    case .hello(let hello): try await writer.write(WireWorkerReport(hello: hello))
                    case .report(let report):
                        try await writer.write(WireWorkerReport(report, node: node))
                        if case .message(.layerChunk) = report { gate.leave() }
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
}

/// Hands messages to a closure that is known only after their source is made.
private final class MessageReceiver: Sendable {
    private let onMessage = Mutex<(@Sendable (CoordinatorMessage) -> Void)?>(nil)

    func open(_ onMessage: @escaping @Sendable (CoordinatorMessage) -> Void) {
        self.onMessage.withLock { $0 = onMessage }
    }

    func receive(_ message: CoordinatorMessage) {
        let onMessage = onMessage.withLock { $0 }
        onMessage?(message)
    }
}
