import GRPCCore
import OobleckCoordination
import OobleckCore
import OobleckWire
import SwiftProtobuf

/// The gRPC side of the coordinator: turns streams into sessions of ``CoordinatorLoop``.
struct ControlPlaneService: WireControlPlane.SimpleServiceProtocol {
    let loop: CoordinatorLoop
    /// How much one session may say.
    let reports: RateLimit.Allowance
    let onAddNode: @Sendable (NodeID) throws -> Void

    func agentSession(
        request: RPCAsyncSequence<WireAgentReport, any Error>,
        response: RPCWriter<WireAgentInstruction>,
        context: ServerContext
    ) async throws {
        let outbox = Outbox<AgentInstruction>()
        let session = Session(loop, reports, .agent, outbox, .agent(outbox))
        try await session.run(
            request.makeAsyncIterator(),
            read: { try $0.report() },
            tell: { .agent($0, $1) },
            refused: { .refused(reason: $0) },
            write: { try await response.write(WireAgentInstruction($0)) }
        )
    }

    func workerSession(
        request: RPCAsyncSequence<WireWorkerReport, any Error>,
        response: RPCWriter<WireWorkerInstruction>,
        context: ServerContext
    ) async throws {
        let outbox = Outbox<WorkerInstruction>()
        let session = Session(loop, reports, .worker, outbox, .worker(outbox))
        try await session.run(
            request.makeAsyncIterator(),
            read: { try $0.report() },
            tell: { .worker($0, $1) },
            refused: { .refused(reason: $0) },
            write: { try await response.write(try WireWorkerInstruction($0)) }
        )
    }

    func drain(request: WireDrainRequest, context: ServerContext) async throws -> WireAdminReply {
        let node = NodeID(Int(request.node))
        let known = await loop.status().nodes
        guard let status = known.first(where: { $0.id == node }), status.state.isAlive else {
            let alive = known.filter { $0.state.isAlive }.map(\.id.description)
            throw RPCError(
                code: .invalidArgument,
                message: "no living node \(node); there are \(alive.joined(separator: ", "))"
            )
        }
        await loop.handle(.drainRequested(node))
        return .with { $0.message = "node \(node) leaves at the next step boundary" }
    }

    func addNode(
        request: WireAddNodeRequest,
        context: ServerContext
    ) async throws -> WireAdminReply {
        do {
            let node = await loop.reserveNode()
            try onAddNode(node)
            return .with { $0.message = "node \(node) is starting" }
        } catch let error as OobleckError {
            throw RPCError(code: .failedPrecondition, message: error.message)
        }
    }

    func stop(request: WireStopRequest, context: ServerContext) async throws -> WireAdminReply {
        loop.submit(.stopRequested(reason: line(request.reason)))
        return .with { $0.message = "the run is stopping" }
    }

    func requestStatus(
        request: WireStatusRequest,
        context: ServerContext
    ) async throws -> WireStatusReply {
        let status = try json(await loop.status())
        return .with { $0.status = status }
    }

    func watch(
        request: WireWatchRequest,
        response: RPCWriter<WireWatchReply>,
        context: ServerContext
    ) async throws {
        let watcher: Watcher
        do {
            watcher = try await loop.watch()
        } catch let error as OobleckError {
            throw RPCError(code: .resourceExhausted, message: error.message)
        }
        defer { loop.watchers.close(watcher) }
        try await WatchSession(watcher).run(context.cancellation) { try await response.write($0) }
    }
}
