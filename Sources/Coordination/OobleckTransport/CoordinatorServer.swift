import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckClock
import OobleckCoordination
import OobleckCore

/// The coordinator's process: serves agents, workers and requests, and keeps the clock.
package final class CoordinatorServer: Sendable {

    let loop: CoordinatorLoop
    private let token: RunToken
    private let tls: ControlTLS?
    private let gate: ConnectionGate
    private let socket: ListeningSocket?
    private let onAddNode: @Sendable (NodeID) throws -> Void

    /// A server for one run.
    ///
    /// Without a socket, only sessions inside this process can join.
    ///
    /// - Parameters:
    ///   - coordinator: The decisions.
    ///   - recording: Where the run leaves its traces.
    ///   - store: Where the coordinator keeps what the next one has to know.
    ///   - faults: Deaths of this process to stage.
    ///   - socket: Where to listen.
    ///   - token: What a peer has to present to be let in.
    ///   - tls: Certificates for control messages; `nil` is plain text.
    ///   - bounds: What one peer may take.
    ///   - onAddNode: Starts one more local node with this number, or throws why not.
    ///   - isOwnAgent: Whether the process is the agent that this run started as a node; without nodes of
    ///     its own a run takes whoever comes.
    ///   - onFence: Has the processes of a node killed that is out for good. Must not block.
    package init(
        coordinator: Coordinator,
        recording: any RunRecording,
        store: any CoordinationStore = NoCoordinationStore(),
        faults: CoordinatorFaultInjector = CoordinatorFaultInjector(),
        socket: ListeningSocket?,
        token: RunToken,
        tls: ControlTLS? = nil,
        bounds: ControlBounds = ControlBounds(),
        onAddNode: @escaping @Sendable (NodeID) throws -> Void = { _ in
            throw OobleckError(.usage, "this run has no nodes of its own to add to")
        },
        isOwnAgent: @escaping @Sendable (NodeID, _ pid: Int) -> Bool = { _, _ in true },
        onFence: @escaping @Sendable (NodeID) -> Void = { _ in }
    ) {
        loop = CoordinatorLoop(
            coordinator: coordinator,
            recording: recording,
            mostAgents: bounds.agents,
            mostWatchers: bounds.watchers,
            store: store,
            faults: faults,
            isOwnAgent: isOwnAgent,
            onFence: onFence
        )
        self.token = token
        self.tls = tls
        gate = ConnectionGate(bounds: bounds)
        self.socket = socket
        self.onAddNode = onAddNode
    }

    /// Serves until the run is over, and returns how it ended.
    ///
    /// Cancelling drops all sessions.
    package func run() async throws -> RunOutcome {
        let server = socket.map { makeServer($0) }
        return try await withThrowingTaskGroup(of: Ending.self) { group in
            defer { group.cancelAll() }
            if let server {
                group.addTask {
                    try await self.serve(server)
                    return .served
                }
            }
            group.addTask { try await self.tick() }
            group.addTask {
                try await self.loop.pulse.run()
                return .timeIsUp
            }
            group.addTask {
                for await outcome in self.loop.outcomes { return .outcome(outcome) }
                throw CancellationError()
            }
            var outcome: RunOutcome?
            while let ending = try await group.next() {
                switch ending {
                case .outcome(let ended):
                    guard let server else { return ended }
                    outcome = ended
                    group.addTask {
                        try await self.waitForSessions()
                        await self.shutDown(server)
                        try await Task.sleep(for: Duration(self.deadlines.farewell))
                        return .timeIsUp
                    }
                case .served, .timeIsUp:
                    if let outcome { return outcome }
                    throw OobleckError(.internalFault, "the control plane's server ended early")
                }
            }
            throw CancellationError()
        }
    }

    /// Serves until the server is shut down or this is cancelled.
    ///
    /// The server itself is not cancelled: it would drop connections that it has accepted and not
    /// looked at, which gRPC takes for a mistake of the program. It is shut down, and all connections
    /// are closed.
    private func serve(_ server: GRPCServer<HTTP2ServerTransport.Posix>) async throws {
        let serving = Task { try await server.serve() }
        try await withTaskCancellationHandler {
            try await serving.value
        } onCancel: {
            let patience = Duration(deadlines.linger)
            Task {
                await shutDown(server)
                gate.dropAll()
                // What still does not end is not waited for. Nothing cancels this sleep.
                do { try await Task.sleep(for: patience) } catch {}
                serving.cancel()
            }
        }
    }

    /// Takes no connection any more, and has the server end when those that it has do.
    private func shutDown(_ server: GRPCServer<HTTP2ServerTransport.Posix>) async {
        gate.close()
        // A server that is only starting takes its end for a mistake of the program; one that cannot
        // start says so where it is served.
        do { _ = try await server.transport.listeningAddress } catch {}
        server.beginGracefulShutdown()
    }

    private enum Ending: Sendable {
        case served
        case outcome(RunOutcome)
        case timeIsUp
    }

    /// Tells the coordinator something from this process: a request to stop or drain.
    package func submit(_ event: CoordinatorEvent) { loop.submit(event) }

    /// The node's processes were killed by us at this time.
    package func noteKill(_ node: NodeID, at time: Seconds) { loop.noteKill(node, at: time) }

    /// Keeps the next number for a node that is about to be started.
    package func reserveNode() async -> NodeID { await loop.reserveNode() }

    /// The run as of now.
    package func status() async -> RunStatus { await loop.status() }

    /// How many connections there are, and how many of them have not shown the token.
    package var connectionCounts: (connections: Int, strangers: Int) { gate.counts }

    private func makeServer(_ socket: ListeningSocket) -> GRPCServer<HTTP2ServerTransport.Posix> {
        let (bounds, gate) = (gate.bounds, gate)
        let transport = HTTP2ServerTransport.Posix(
            listeningSocketDescriptor: Int(socket.descriptor),
            transportSecurity: tls?.server ?? .plaintext,
            config: .defaults {
                $0.rpc.maxRequestPayloadSize = bounds.largestReportBytes
                $0.http2.targetWindowSize = 4 << 20
                $0.http2.maxConcurrentStreams = bounds.streamsPerConnection
                $0.connection.maxIdleTime = .seconds(60)
                // gRPC has no other way to see a connection before its first call.
                $0.channelDebuggingCallbacks.onAcceptTCPConnection = {
                    StrangerHandler.install(on: $0, gate: gate)
                }
            }
        )
        return GRPCServer(
            transport: transport,
            services: [
                ControlPlaneService(
                    loop: loop,
                    reports: bounds.reports,
                    onAddNode: onAddNode
                )
            ],
            interceptors: [TokenGuard(token: token, gate: gate)]
        )
    }

    private var deadlines: Deadlines { Deadlines(budget: loop.detectionBudget) }

    private func tick() async throws -> Ending {
        let interval = Duration(deadlines.tick)
        while true {
            try await Task.sleep(for: interval)
            await loop.handle(.tick)
        }
    }

    /// Returns once all sessions have ended, or had the time to.
    private func waitForSessions() async throws {
        let deadline = MonotonicTime.now + deadlines.farewell
        while await loop.hasSessions(), MonotonicTime.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
