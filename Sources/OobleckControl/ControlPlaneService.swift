import Foundation
import GRPCCore
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire

/// The gRPC side of the coordinator: turns streams into sessions of ``CoordinatorLoop``.
struct ControlPlaneService: WireControlPlane.SimpleServiceProtocol {
    let loop: CoordinatorLoop
    let token: String
    let onAddNode: @Sendable () throws -> NodeID

    func agentSession(
        request: RPCAsyncSequence<WireAgentReport, any Error>,
        response: RPCWriter<WireAgentDirective>,
        context: ServerContext
    ) async throws {
        var reports = request.makeAsyncIterator()
        guard let first = try await reports.next() else { return }
        let node: NodeID
        let outbox: Outbox<AgentInstruction>
        do {
            guard case .hello(let hello) = try first.report() else {
                throw malformed("AgentReport", "the first is no hello")
            }
            try check(hello)
            (node, outbox) = try await loop.attachAgent(
                requested: hello.node,
                pid: hello.pid,
                isReturning: hello.isReturning
            )
        } catch let error as OobleckError {
            return try await response.write(WireAgentDirective(.refused(reason: error.message)))
        }
        let session = Session(outbox: outbox) { loop.detach(agent: node, outbox) }
        try await session.run(
            reports,
            read: { report in
                guard case .notice(node, let notice) = try report.report() else {
                    throw malformed("AgentReport", "is not of node \(node)")
                }
                await loop.take(notice, from: node, outbox)
            },
            write: { try await response.write(WireAgentDirective($0)) }
        )
    }

    func workerSession(
        request: RPCAsyncSequence<WireWorkerReport, any Error>,
        response: RPCWriter<WireWorkerDirective>,
        context: ServerContext
    ) async throws {
        var reports = request.makeAsyncIterator()
        guard let first = try await reports.next() else { return }
        let node: NodeID
        let outbox: Outbox<WorkerInstruction>
        do {
            guard case .hello(let hello) = try first.report(), let claimed = hello.node else {
                throw malformed("WorkerReport", "the first is no hello with a node")
            }
            try check(hello)
            node = claimed
            outbox = try await loop.attachWorker(
                node,
                pid: hello.pid,
                testimony: hello.testimony
            )
        } catch let error as OobleckError {
            return try await response.write(WireWorkerDirective(.refused(reason: error.message)))
        }
        let session = Session(outbox: outbox) { loop.detach(worker: node, outbox) }
        try await session.run(
            reports,
            read: { report in
                guard case .notice(node, let notice) = try report.report() else {
                    throw malformed("WorkerReport", "is not of node \(node)")
                }
                await loop.take(notice, from: node, outbox)
            },
            write: { try await response.write(try WireWorkerDirective($0)) }
        )
    }

    func drain(request: WireDrainRequest, context: ServerContext) async throws -> WireAdminReply {
        try admit(request.token)
        let node = NodeID(Int(request.node))
        let known = await loop.status().nodes
        guard let status = known.first(where: { $0.id == node }), status.state != .dead else {
            let alive = known.filter { $0.state != .dead }.map(\.id.description)
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
        try admit(request.token)
        do {
            let node = try onAddNode()
            return .with { $0.message = "node \(node) is starting" }
        } catch let error as OobleckError {
            throw RPCError(code: .failedPrecondition, message: error.message)
        }
    }

    func stop(request: WireStopRequest, context: ServerContext) async throws -> WireAdminReply {
        try admit(request.token)
        loop.submit(.stopRequested(reason: request.reason))
        return .with { $0.message = "the run is stopping" }
    }

    func requestStatus(
        request: WireStatusRequest,
        context: ServerContext
    ) async throws -> WireStatusReply {
        try admit(request.token)
        let status = try json(await loop.status())
        return .with { $0.status = status }
    }

    private func admit(_ claimed: String) throws {
        guard claimed == token else {
            throw RPCError(code: .unauthenticated, message: "the token is not this run's")
        }
    }

    private func check(_ hello: SessionHello) throws {
        guard hello.token == token else {
            throw OobleckError(.usage, "the token is not this run's")
        }
        guard hello.protocolVersion == controlProtocolVersion else {
            throw OobleckError(
                .usage,
                "speaks version \(hello.protocolVersion) of the control protocol; "
                    + "the coordinator speaks \(controlProtocolVersion)"
            )
        }
    }
}

/// One stream, both ways, until either side ends it.
private struct Session<Element: Sendable>: Sendable {
    /// How long a peer may take to read what was sent before its session was closed.
    static var linger: Seconds { 1 }

    let outbox: Outbox<Element>
    /// Called the moment that the peer is gone.
    let onEnd: @Sendable () -> Void

    func run<Report: Sendable>(
        _ reports: RPCAsyncSequence<Report, any Error>.AsyncIterator,
        read: @escaping @Sendable (Report) async throws -> Void,
        write: @escaping @Sendable (Element) async throws -> Void
    ) async throws {
        // The peer's end of the stream is handed to the one task that reads it.
        let source = HandedOver(value: reports)
        defer { onEnd() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                defer { onEnd() }
                var reports = source.value
                while let report = try await reports.next() { try await read(report) }
            }
            group.addTask {
                for await element in outbox.elements {
                    try await write(element)
                    outbox.noteWritten()
                }
            }
            group.addTask {
                await outbox.waitUntilClosed()
                try await Task.sleep(for: Duration(Self.linger))
            }
            // Whichever ends first ends the session.
            try await group.next()
        }
    }
}

/// A value that one task gives to another and does not touch again.
private struct HandedOver<Value>: @unchecked Sendable {
    let value: Value
}
