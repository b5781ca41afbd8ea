import Foundation
import GRPCCore
import OobleckCoordination
import OobleckCore
import OobleckTransport
import OobleckWire
import SwiftProtobuf
import Testing

@Suite("Peers that say too much")
struct ExcessTests {
    @Test("a worker that floods is out, and said why; the others go on")
    func reports() async throws {
        var bounds = ControlBounds()
        bounds.reports = RateLimit.Allowance(burst: 500, perSecond: 100)
        try await ShellBench.with(nodes: 3, bounds: bounds) { bench in
            try await bench.withAgents([0, 1, 2]) { _ in
                let client = WorkerClient(
                    coordinator: CoordinatorLocator(bench.address),
                    token: ShellBench.token,
                    worker: 1
                )
                let quiet = bench.startWorker(0)
                defer { quiet.cancel() }
                let isIn = Shared(false)
                let flood = Task { try await client.run { _ in isIn.change { $0 = true } } }
                try await eventually("its worker is in") { isIn.value }
                for _ in 0..<2000 {
                    client.send(.faulted(generation: 0, message: "x"))
                }
                _ = await flood.result
                try await eventually("the loss is recorded") { bench.recording.lost(1) != nil }
                #expect(bench.recording.lost(1)?.message.contains("more than 100") == true)
                #expect(bench.recording.lost(0) == nil)
            }
        }
    }

    @Test("a worker that says what makes no sense is out, and the evidence names message and field")
    func nonsense() async throws {
        // The session ended without a word of why: "the connection of its worker ended".
        try await ShellBench.with(nodes: 2) { bench in
            try await bench.withAgents([0, 1]) { _ in
                let client = WorkerClient(
                    coordinator: CoordinatorLocator(bench.address),
                    token: ShellBench.token,
                    worker: 1
                )
                let isIn = Shared(false)
                let run = Task { try await client.run { _ in isIn.change { $0 = true } } }
                try await eventually("its worker is in") { isIn.value }
                client.send(.resumed(generation: Generation(-5), step: 0))
                _ = await run.result
                try await eventually("the loss is recorded") { bench.recording.lost(1) != nil }
                let message = bench.recording.lost(1)?.message ?? ""
                #expect(message.contains("its worker sent a malformed control message"))
                #expect(message.contains("Resumed.generation: is -5"), "\(message)")
            }
        }
    }

    @Test("a message above the limit ends the session, and is never held as a whole")
    func largeReport() async throws {
        var bounds = ControlBounds()
        bounds.largestReportBytes = 1 << 20
        try await ShellBench.with(nodes: 2, bounds: bounds) { bench in
            try await bench.withAgents([0, 1]) { _ in
                let client = WorkerClient(
                    coordinator: CoordinatorLocator(bench.address),
                    token: ShellBench.token,
                    worker: 1
                )
                let isIn = Shared(false)
                let run = Task { try await client.run { _ in isIn.change { $0 = true } } }
                try await eventually("its worker is in") { isIn.value }
                let bytes = [UInt8](repeating: 7, count: 2 << 20)
                client.send(
                    .layerChunk(LayerChunk(generation: 0, layer: 0, bytes: bytes, isLast: true))
                )
                let result = await run.result
                #expect(throws: OobleckError.self) { try result.get() }
                try await eventually("the node is lost") { bench.recording.lost(1) != nil }
                #expect(bench.recording.all.chunks.isEmpty)
            }
        }
    }

    @Test("a connection that calls too often is ended, and the next is served")
    func calls() async throws {
        var bounds = ControlBounds()
        bounds.calls = RateLimit.Allowance(burst: 5, perSecond: 0.01)
        try await ShellBench.with(nodes: 2, bounds: bounds) { bench in
            let metadata: Metadata = ["authorization": "Bearer \(ShellBench.token.secret)"]
            let served = Shared(0)
            await #expect(throws: RPCError.self) {
                try await bench.withPlainClient { client in
                    for _ in 0..<10 {
                        let request = WireStatusRequest()
                        _ = try await client.requestStatus(request, metadata: metadata)
                        served.change { $0 += 1 }
                    }
                }
            }
            #expect(served.value == 5)
            try await bench.expectAlive()
        }
    }

    @Test("there are no more agents than places for them")
    func agents() async throws {
        var bounds = ControlBounds()
        bounds.agents = 2
        try await ShellBench.with(nodes: 4, bounds: bounds) { bench in
            try await bench.withAgents([0, 1]) { _ in
                let third = Agent(
                    coordinator: CoordinatorLocator(bench.address),
                    token: ShellBench.token,
                    tokenPath: "/dev/null",
                    node: nil,
                    workerExecutable: "/bin/false",
                    workerArguments: [],
                    logPath: nil
                )
                let error = await #expect(throws: OobleckError.self) { try await third.run() }
                #expect(error?.message.contains("no more than 2") == true)
            }
        }
    }

    @Test("a text from a peer is one line of bounded length before it reaches a log")
    func text() throws {
        let evil = "a\nb\r\u{1b}[31mc\u{0}" + String(repeating: "x", count: 100_000)
        let report = WireAgentReport(.workerExited(evidence: evil), node: 1)
        guard case .report(1, .workerExited(let evidence, _)) = try report.report() else {
            Issue.record("not read back")
            return
        }
        #expect(evidence.hasPrefix("a b  [31mc x"))
        #expect(evidence.utf8.count < 2100)
    }

    @Test("a number that would make sums overflow is refused, and named")
    func numbers() throws {
        let report = WireWorkerReport.with {
            $0.node = 1
            $0.resumed = .with { $0.step = .max }
        }
        let error = #expect(throws: OobleckError.self) { try report.report() }
        #expect(error?.message.contains("Resumed.step") == true)
    }
}
