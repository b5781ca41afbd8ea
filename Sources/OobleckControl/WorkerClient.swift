import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckCoordination
import OobleckCore
import OobleckWire

/// A worker's session with its coordinator over gRPC.
package final class WorkerClient: ControlLink {
    private let address: CoordinatorAddress
    private let token: RunToken
    private let tls: ControlTLS?
    private let hello: SessionHello
    private let node: NodeID
    private let deadlines: Deadlines
    private let outbox = Outbox<WorkerNotice>()

    /// A session of the worker of `node`; ``run(_:)`` opens it.
    ///
    /// `deadlines` bound how long that may take.
    package init(
        coordinator: CoordinatorAddress,
        token: RunToken,
        tls: ControlTLS? = nil,
        node: NodeID,
        deadlines: Deadlines = .standard
    ) {
        address = coordinator
        self.token = token
        self.tls = tls
        self.node = node
        self.deadlines = deadlines
        hello = SessionHello(
            node: node,
            pid: Int(getpid()),
            programVersion: programVersion,
            openFileLimit: ProcessEnvironment.raiseOpenFileLimit()
        )
    }

    /// Sends to the coordinator; never blocks, keeps order.
    ///
    /// Before the session is open, messages wait. When ``Outbox/capacity`` messages wait, the
    /// session ends.
    package func send(_ message: WorkerMessage) {
        if !outbox.add(.message(message)) { outbox.close() }
    }

    /// Connects, says hello, and hands each message to `onMessage` in order.
    ///
    /// Returns after a `stop`. Throws one line when the coordinator cannot be reached, refuses the
    /// worker, puts it out, or is gone.
    package func run(
        _ onMessage: @escaping @Sendable (CoordinatorMessage) -> Void
    ) async throws {
        try await address.withClient(token: token, tls: tls) { client in
            try await self.converse(WireControlPlane.Client(wrapping: client), onMessage)
        }
    }

    private func converse<Transport: ClientTransport>(
        _ client: WireControlPlane.Client<Transport>,
        _ onMessage: @escaping @Sendable (CoordinatorMessage) -> Void
    ) async throws {
        defer { outbox.close() }
        let (node, hello, outbox) = (node, hello, outbox)
        let watch = ConnectionWatch(address, within: deadlines.connect)
        try await watch.run {
            try await client.workerSession(
                options: .session,
                requestProducer: { writer in
                    try await writer.write(WireWorkerReport(hello: hello))
                    for await notice in outbox.elements {
                        try await writer.write(WireWorkerReport(notice, node: node))
                    }
                },
                onResponse: { response in
                    var heartbeats: HeartbeatTimer?
                    defer { heartbeats?.cancel() }
                    for try await directive in response.messages {
                        switch try directive.instruction() {
                        case .welcome(_, let budget):
                            watch.connected()
                            heartbeats = HeartbeatTimer(budget: budget) {
                                _ = outbox.add(.heartbeat)
                            }
                        case .refused(let reason):
                            throw OobleckError(.outOfNodes, "the coordinator refuses: \(reason)")
                        case .message(let message):
                            onMessage(message)
                            if case .stop = message { return outbox.close() }
                        }
                    }
                    throw OobleckError(.outOfNodes, "the coordinator ended the session")
                }
            )
        }
    }
}
