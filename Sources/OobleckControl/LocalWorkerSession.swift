import Foundation
import OobleckCore
import Synchronization

/// A worker's session inside the coordinator's process, without any network: for a run of one
/// process.
package final class LocalWorkerSession: ControlLink {
    private let server: CoordinatorServer
    private let node = Mutex<NodeID?>(nil)

    package init(server: CoordinatorServer) { self.server = server }

    package func send(_ message: WorkerMessage) {
        guard let node = node.withLock({ $0 }) else {
            preconditionFailure("a worker spoke before its session was open")
        }
        server.loop.submit(.worker(node, message))
    }

    /// Joins as agent and worker of one node, and hands each message to `onMessage` in order, until
    /// the run is over.
    package func run(
        _ onMessage: @escaping @Sendable (CoordinatorMessage) -> Void
    ) async throws {
        let pid = Int(getpid())
        let loop = server.loop
        let (node, agent) = try await loop.attachAgent(requested: nil, pid: pid)
        self.node.withLock { $0 = node }
        let worker = try await loop.attachWorker(node, pid: pid)
        let heartbeats = HeartbeatTimer(budget: loop.detectionBudget) {
            loop.submit(.agentHeard(node))
            loop.submit(.workerHeard(node))
        }
        defer {
            heartbeats.cancel()
            loop.detach(worker: node, worker)
            loop.detach(agent: node, agent)
        }
        for await instruction in worker.elements {
            switch instruction {
            case .welcome, .heartbeat: break
            case .refused(let reason): throw OobleckError(.outOfNodes, reason)
            case .message(let message):
                onMessage(message)
                if case .stop = message { return }
            }
        }
    }
}
