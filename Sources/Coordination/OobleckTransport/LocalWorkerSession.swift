import Foundation
import OobleckCoordination
import OobleckCore
import Synchronization

/// A worker's session inside the coordinator's process, without any network: for a run of one
/// process.
package final class LocalWorkerSession: ControlLink {
    private let server: CoordinatorServer
    private let session = Mutex<SessionID?>(nil)

    package init(server: CoordinatorServer) { self.server = server }

    package func send(_ message: WorkerMessage) {
        guard let session = session.withLock({ $0 }) else {
            preconditionFailure("a worker spoke before its session was open")
        }
        server.loop.submit(.worker(session, .message(message)))
    }

    /// Joins as agent and worker of one node, and hands each message to `onMessage` in order, until
    /// the run is over.
    package func run(
        _ onMessage: @escaping @Sendable (CoordinatorMessage) -> Void
    ) async throws {
        let loop = server.loop
        let (agentBox, workerBox) = (Outbox<AgentInstruction>(), Outbox<WorkerInstruction>())
        let agentStream = SessionStream.agent(agentBox)
        let workerStream = SessionStream.worker(workerBox)
        let agent = await loop.open(agentStream)
        let worker = await loop.open(workerStream)
        defer {
            loop.close(worker, workerStream)
            loop.close(agent, agentStream)
        }
        await loop.greet(agent, .agent, hello(node: nil))
        let node = try await Self.admission(agentBox)
        session.withLock { $0 = worker }
        await loop.greet(worker, .worker, hello(node: node))
        let heartbeats = HeartbeatTimer(budget: loop.detectionBudget) {
            loop.submit(.agent(agent, .heartbeat))
            loop.submit(.worker(worker, .heartbeat))
        }
        defer { heartbeats.cancel() }
        for await instruction in workerBox.elements {
            switch instruction {
            case .welcome, .heartbeat: break
            case .refused(let reason): throw OobleckError(.outOfNodes, reason)
            case .message(let message):
                onMessage(message)
                if case .stop = message { return }
            }
        }
    }

    private func hello(node: NodeID?) -> SessionHello {
        SessionHello(node: node, pid: Int(getpid()))
    }

    /// Waits until the coordinator has numbered this node.
    private static func admission(_ outbox: Outbox<AgentInstruction>) async throws -> NodeID {
        for await instruction in outbox.elements {
            switch instruction {
            case .admitted(let node, _, _, _, _): return node
            case .refused(let reason): throw OobleckError(.outOfNodes, reason)
            default: break
            }
        }
        throw OobleckError(.outOfNodes, "the run ended before it let its own worker in")
    }
}
