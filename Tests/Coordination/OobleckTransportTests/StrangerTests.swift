import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckCoordination
import OobleckCore
import OobleckTransport
import OobleckWire
import Synchronization
import Testing

@Suite("Strangers at the coordinator's port", .serialized, .timeLimit(.minutes(5)))
struct StrangerTests {
    /// A deadline that a test can wait for.
    private static let impatient: ControlBounds = {
        var bounds = ControlBounds()
        bounds.handshake = 3
        return bounds
    }()

    @Test(
        "whoever says nothing, garbage or half a frame is out when the deadline is over",
        arguments: [
            [], Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), [0x16, 3, 1, 2, 0, 1],
            Array("PRI * HT".utf8), RawClient.preface,
            RawClient.preface + RawClient.ping.dropLast(3),
            RawClient.preface + [0xff, 0xff, 0xff, 1, 4, 0, 0, 0, 1],
            (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) },
        ] as [[UInt8]]
    )
    func silence(bytes: [UInt8]) async throws {
        try await ShellBench.with(nodes: 2, bounds: Self.impatient) { bench in
            let client = try RawClient(port: bench.address.port)
            _ = client.send(bytes)
            #expect(await answer(client) != nil, "nobody ended the connection")
            try await bench.expectAlive()
            try await eventually("no connection is left") {
                bench.server.connectionCounts.strangers == 0
            }
        }
    }

    @Test("whoever floods the port without the token is out after a bounded number of bytes")
    func flood() async throws {
        var bounds = ControlBounds()
        bounds.handshake = 60
        try await ShellBench.with(nodes: 2, bounds: bounds) { bench in
            let client = try RawClient(port: bench.address.port)
            #expect(client.send(RawClient.preface))
            let pings = Array(repeating: RawClient.ping, count: 256).flatMap { $0 }
            // What the kernel takes on both sides comes on top of the bound.
            let sent = await offPool { client.flood(pings, limit: 64 << 20) }
            #expect(sent < 32 << 20)
            try await bench.expectAlive()
        }
    }

    @Test("a server that ends while strangers come in ends in order", arguments: 0..<40)
    func ending(round: Int) async throws {
        try await ShellBench.with(nodes: 2) { bench in
            let port = bench.address.port
            let knocked = Mutex(0)
            for _ in 0..<4 {
                // Ends when nobody listens any more.
                DispatchQueue.global().async {
                    while RawClient.knock(port: port) { knocked.withLock { $0 += 1 } }
                }
            }
            try await eventually("strangers come in") { knocked.withLock { $0 } > 10 * round }
        }
    }

    @Test("a server that ends while it starts ends in order", arguments: 0..<40)
    func stillborn(round: Int) async throws {
        try await ShellBench.with(nodes: 2) { _ in
            // From at once to some milliseconds later.
            for _ in 0..<round { await Task.yield() }
        }
    }

    @Test("of too many strangers the oldest goes, so that they never keep a node out")
    func crowd() async throws {
        var bounds = ControlBounds()
        bounds.handshake = 60
        bounds.strangers = 8
        try await ShellBench.with(nodes: 2, bounds: bounds) { bench in
            let crowd = try (0..<50).map { _ in try RawClient(port: bench.address.port) }
            // Then all have come in; one that comes later could end our node's connection.
            try await eventually("all but the newest are out") {
                crowd.count { $0.hasEnded() } == 50 - 8
            }
            try await bench.expectAlive()
        }
    }

    @Test("when all places are taken, one more connection is ended at once")
    func full() async throws {
        var bounds = ControlBounds()
        bounds.handshake = 60
        bounds.connections = 4
        try await ShellBench.with(nodes: 2, bounds: bounds) { bench in
            var crowd: [RawClient] = []
            for count in 1...4 {
                crowd.append(try RawClient(port: bench.address.port))
                try await eventually("it is in") {
                    bench.server.connectionCounts.connections == count
                }
            }
            let late = try RawClient(port: bench.address.port)
            #expect(await answer(late) == [])
            #expect(bench.server.connectionCounts.connections == 4)
            crowd.removeAll()
            try await eventually("they are gone") {
                bench.server.connectionCounts.connections == 0
            }
            try await bench.expectAlive()
        }
    }

    @Test(
        "without the token no call is answered, and the refusal says nothing",
        arguments: [nil, "", "Bearer", "Bearer ", "Bearer wrong", "Basic c2VjcmV0", "token"]
    )
    func noToken(field: String?) async throws {
        try await ShellBench.with(nodes: 2) { bench in
            try await bench.withAgents([0]) { _ in
                var metadata = Metadata()
                let value = field == "token" ? ShellBench.token.secret : field
                if let value { metadata.addString(value, forKey: "authorization") }
                for refusal in try await bench.refusals(metadata) {
                    #expect(refusal.code == .unauthenticated)
                    #expect(refusal.message == "")
                    let names = Set(refusal.metadata.map(\.key))
                    #expect(names.isSubset(of: [":status", "content-type"]))
                }
                #expect(await bench.server.status().nodes.map(\.id) == [0])
            }
        }
    }

    @Test("an agent of another version is refused in one line, and the run notes whom and why")
    func otherVersion() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            let worker = try StandInWorker()
            let agent = Agent(
                coordinator: CoordinatorLocator(bench.address),
                token: ShellBench.token,
                tokenPath: worker.tokenPath,
                node: 0,
                workerExecutable: worker.path,
                workerArguments: [],
                logPath: nil,
                name: "elder",
                version: "0.0.0"
            )
            let error = await #expect(throws: OobleckError.self) { try await agent.run() }
            #expect(error?.message.contains("is version 0.0.0 of the program") == true)
            try await eventually("it is noted") {
                bench.recording.all.events.contains {
                    $0.kind == .refused && $0.message.contains("agent elder")
                        && $0.message.contains("is version 0.0.0")
                }
            }
            #expect(await bench.server.status().nodes.isEmpty)
        }
    }

    @Test("two tokens at once are none, even when one of them is right")
    func twoTokens() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            var metadata = Metadata()
            metadata.addString("Bearer \(ShellBench.token.secret)", forKey: "authorization")
            metadata.addString("Bearer wrong", forKey: "authorization")
            for refusal in try await bench.refusals(metadata) {
                #expect(refusal.code == .unauthenticated)
            }
        }
    }

    @Test("the token without a hello opens no session, and holds no connection")
    func noHello() async throws {
        try await ShellBench.with(nodes: 2, bounds: Self.impatient) { bench in
            let metadata: Metadata = ["authorization": "Bearer \(ShellBench.token.secret)"]
            await #expect(throws: RPCError.self) {
                try await bench.withPlainClient { client in
                    try await client.workerSession(
                        metadata: metadata,
                        requestProducer: { _ in try await Task.sleep(for: .seconds(60)) },
                        onResponse: { for try await _ in $0.messages {} }
                    )
                }
            }
            try await bench.expectAlive()
        }
    }
}

extension ShellBench {
    /// A client of the server that shows no token by itself.
    func withPlainClient<Result: Sendable>(
        _ body:
            @escaping @Sendable (
                WireControlPlane.Client<HTTP2ClientTransport.Posix>
            ) async throws -> Result
    ) async throws -> Result {
        try await withGRPCClient(
            transport: try .http2NIOPosix(
                target: .ipv4(address: address.host, port: address.port),
                transportSecurity: .plaintext
            )
        ) { try await body(WireControlPlane.Client(wrapping: $0)) }
    }

    /// What each of the calls is answered with this metadata; fails the test for one that is let
    /// through.
    func refusals(_ metadata: Metadata) async throws -> [RPCError] {
        try await withPlainClient { client in
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await client.requestStatus(WireStatusRequest(), metadata: metadata) },
                { _ = try await client.drain(WireDrainRequest(), metadata: metadata) },
                { _ = try await client.addNode(WireAddNodeRequest(), metadata: metadata) },
                { _ = try await client.stop(WireStopRequest(), metadata: metadata) },
                {
                    try await client.agentSession(
                        metadata: metadata,
                        requestProducer: { writer in
                            let hello = SessionHello(node: 1, pid: 1)
                            try await writer.write(WireAgentReport(hello: hello))
                        },
                        onResponse: { for try await _ in $0.messages {} }
                    )
                },
                {
                    try await client.workerSession(
                        metadata: metadata,
                        requestProducer: { writer in
                            let hello = SessionHello(node: 0, pid: 1)
                            try await writer.write(WireWorkerReport(hello: hello))
                        },
                        onResponse: { for try await _ in $0.messages {} }
                    )
                },
            ]
            var refusals: [RPCError] = []
            for call in calls {
                do {
                    try await call()
                    Issue.record("a call without the token was answered")
                } catch let error as RPCError {
                    refusals.append(error)
                }
            }
            return refusals
        }
    }

    /// Whether people with the token are served, whatever went on before.
    func expectAlive() async throws {
        let status = try await AdminClient(coordinator: address, token: Self.token).status()
        #expect(status.phase == .starting)
    }
}

/// What the server says until it ends a connection; `nil` when it does not.
private func answer(_ client: RawClient) async -> [UInt8]? { await offPool { client.readToEnd() } }

/// Runs a blocking call on a thread of its own.
private func offPool<Result: Sendable>(_ body: @escaping () -> Result) async -> Result {
    nonisolated(unsafe) let body = body
    return await withCheckedContinuation { continuation in
        Thread { continuation.resume(returning: body()) }.start()
    }
}
