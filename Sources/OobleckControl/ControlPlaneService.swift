import Foundation
import GRPCCore
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire

/// The gRPC side of the coordinator: turns streams into sessions of ``CoordinatorLoop``.
struct ControlPlaneService: WireControlPlane.SimpleServiceProtocol {
    let loop: CoordinatorLoop
    /// How much one session may say.
    let reports: RateLimit.Allowance
    let onAddNode: @Sendable (NodeID) throws -> Void
    let handshake: Handshake

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
            try await check(hello, "agent")
            try await waitForStorage { try await response.write(WireAgentDirective(.heartbeat)) }
            (node, outbox) = try await loop.attachAgent(
                requested: hello.node,
                name: hello.nodeName,
                pid: hello.pid,
                isReturning: hello.isReturning
            )
        } catch let error as OobleckError {
            try Self.requireAuthority(error)
            return try await response.write(WireAgentDirective(.refused(reason: error.message)))
        }
        let session = session(of: node, "agent", outbox) { loop.detach(agent: node, outbox) }
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
            try await check(hello, "worker")
            try await waitForStorage {
                try await response.write(try WireWorkerDirective(.heartbeat))
            }
            node = claimed
            outbox = try await loop.attachWorker(
                node,
                pid: hello.pid,
                testimony: hello.testimony
            )
        } catch let error as OobleckError {
            try Self.requireAuthority(error)
            return try await response.write(WireWorkerDirective(.refused(reason: error.message)))
        }
        let session = session(of: node, "worker", outbox) { loop.detach(worker: node, outbox) }
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

    /// A refusal ends a node for good, so only who leads the run may say it, and only when it could
    /// note it: otherwise the stream just ends, and the node looks for its coordinator again.
    private static func requireAuthority(_ error: OobleckError) throws {
        guard error == .deposed || error.code == .storage else { return }
        throw RPCError(code: .unavailable, message: error.message)
    }

    /// Has a peer wait while nothing can be noted of it; the signs of life keep it from giving up.
    private func waitForStorage(_ beat: () async throws -> Void) async throws {
        let pause = Duration(Deadlines(budget: loop.detectionBudget).heartbeat)
        while await loop.waitsForStorage() {
            try await beat()
            try await Task.sleep(for: pause)
        }
    }

    private var linger: Seconds { Deadlines(budget: loop.detectionBudget).linger }

    private func session<Element: Sendable>(
        of node: NodeID,
        _ role: String,
        _ outbox: Outbox<Element>,
        onEnd: @escaping @Sendable () -> Void
    ) -> Session<Element> {
        let (loop, reports) = (loop, reports)
        return Session(outbox: outbox, reports: reports, linger: linger, onEnd: onEnd) { offence in
            let what =
                switch offence {
                case .excess: "says more than \(Int(reports.perSecond)) things a second"
                case .nonsense(let error): "sent a \(error.message)"
                }
            await loop.expel(node, evidence: "its \(role) \(what)")
        }
    }

    private func check(_ hello: SessionHello, _ role: String) async throws {
        guard let refusal = handshake.refusal(of: hello) else { return }
        let name = hello.nodeName.isEmpty ? "" : " \(hello.nodeName)"
        try await loop.noteRefusal(of: "\(role)\(name), process \(hello.pid)", because: refusal)
        throw OobleckError(.usage, refusal)
    }
}

/// Why a session is ended by our side.
private enum Offence: Sendable {
    /// The peer says more than it may.
    case excess
    /// A message is not as the protocol says.
    case nonsense(OobleckError)
}

/// One stream, both ways, until either side ends it.
private struct Session<Element: Sendable>: Sendable {
    let outbox: Outbox<Element>
    /// How much the peer may say.
    let reports: RateLimit.Allowance
    /// How long a peer may take to read what was sent before its session was closed.
    let linger: Seconds
    /// Called the moment that the peer is gone.
    let onEnd: @Sendable () -> Void
    /// Called when the peer says what it may not; ends the session.
    let onOffence: @Sendable (Offence) async -> Void

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
                var limit = RateLimit(self.reports, now: MonotonicTime.now)
                while let report = try await reports.next() {
                    guard limit.take(now: MonotonicTime.now) else {
                        return await onOffence(.excess)
                    }
                    do {
                        try await read(report)
                    } catch let error as OobleckError {
                        return await onOffence(.nonsense(error))
                    }
                }
            }
            group.addTask {
                for await element in outbox.elements {
                    try await write(element)
                    outbox.noteWritten()
                }
            }
            group.addTask {
                await outbox.waitUntilClosed()
                try await Task.sleep(for: Duration(linger))
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
