import Foundation
import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckTransport
import OobleckWorlds
import Testing

@Suite("Coordinator server", .timeLimit(.minutes(5)))
struct ShellServerTests {
    @Test("a job trains to its end over real gRPC, with every step recorded once and in order")
    func wholeRun() async throws {
        try await ShellBench.with(nodes: 4, steps: 20) { bench in
            try await bench.withAgents([0, 1, 2, 3]) { _ in
                let workers = (0..<4).map { bench.startWorker(NodeID($0)) }
                for worker in workers { try await worker.value }
                try await eventually("the run is recorded as finished") {
                    bench.recording.all.outcome != nil
                }
                let records = bench.recording.all
                #expect(records.steps.map(\.step) == Array(0..<20))
                #expect(Set(records.chunks.map(\.layer)) == Set(0..<ToyModel.layerCount))
                let digests = (0..<ToyModel.layerCount).map { "digest\($0)" }
                #expect(records.outcome == .completed(layerDigests: digests, finalLoss: 2))
            }
        }
    }

    @Test("a worker whose connection ends is lost at once, long before its silence would tell")
    func streamEnd() async throws {
        let fenced = Shared<[NodeID]>([])
        let note: @Sendable (NodeID) -> Void = { node in fenced.change { $0.append(node) } }
        try await ShellBench.with(nodes: 4, steps: 1_000_000, onFence: note) { bench in
            try await bench.withAgents([0, 1, 2, 3]) { agents in
                let workers = (0..<4).map { bench.startWorker(NodeID($0)) }
                defer { for worker in workers { worker.cancel() } }
                try await eventually("training starts") { !bench.recording.all.steps.isEmpty }
                workers[2].cancel()
                try await eventually("the loss is noticed") { bench.recording.lost(2) != nil }
                try await eventually("its processes are to be killed") { fenced.value == [2] }
                try await eventually("its agent is fenced") { agents.value[2] != nil }
                let steps = bench.recording.all.steps.count
                try await eventually("training goes on") {
                    bench.recording.all.steps.count > steps + 3
                }
                #expect(
                    bench.recording.all.steps.map(\.step)
                        == Array(0..<bench.recording.all.steps.count)
                )
            }
        }
    }

    @Test("a node that is out is refused, worker and agent")
    func fencedNode() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            try await bench.withAgents([0]) { _ in
                let first = bench.startWorker(0)
                try await eventually("node 0 is ready") {
                    bench.recording.all.events.contains { $0.kind == .nodeReady }
                }
                first.cancel()
                try await eventually("node 0 is lost") { bench.recording.lost(0) != nil }
                let again = await bench.startWorker(0).result
                #expect(throws: OobleckError.self) { try again.get() }
                let agent = Agent(
                    coordinator: CoordinatorLocator(bench.address),
                    token: ShellBench.token,
                    tokenPath: "/dev/null",
                    node: 0,
                    workerExecutable: "/bin/false",
                    workerArguments: [],
                    logPath: nil
                )
                let error = await #expect(throws: OobleckError.self) { try await agent.run() }
                #expect(error?.message.contains("node number 0") == true)
            }
        }
    }

    @Test("a stranger without the token is refused")
    func wrongToken() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            let client = WorkerClient(
                coordinator: CoordinatorLocator(bench.address),
                token: "wrong",
                worker: 0
            )
            let error = await #expect(throws: OobleckError.self) { try await client.run { _ in } }
            #expect(error?.message.contains("token") == true)
            let admin = AdminClient(coordinator: bench.address, token: "wrong")
            await #expect(throws: OobleckError.self) { try await admin.status() }
            let known = AdminClient(coordinator: bench.address, token: ShellBench.token)
            let status = try await known.status()
            #expect(status.phase == .starting)
        }
    }

    @Test("messages to a worker arrive complete and in the order they were sent")
    func order() async throws {
        let count = 2000
        let heard = Shared<[String]>([])
        try await ShellBench.with(nodes: 2, steps: 1_000_000) { bench in
            try await bench.withAgents([0, 1]) { _ in
                let sender = bench.startWorker(0) { message, client in
                    guard case .reconfigure(let plan) = message else { return }
                    for key in 0..<count {
                        let value = Rendezvous(
                            generation: plan.generation,
                            key: "\(key)",
                            value: []
                        )
                        client.send(.rendezvous(value))
                    }
                }
                let receiver = bench.startWorker(1) { message, _ in
                    if case .rendezvous(let value) = message {
                        heard.change { $0.append(value.key) }
                    }
                }
                defer {
                    sender.cancel()
                    receiver.cancel()
                }
                try await eventually("all keys arrive") { heard.value.count == count }
                #expect(heard.value == (0..<count).map(String.init))
            }
        }
    }

    @Test("a port in use is one line that names the port")
    func portInUse() throws {
        let first = try ListeningSocket(host: "127.0.0.1", port: 0)
        defer { first.discard() }
        let error = #expect(throws: OobleckError.self) {
            try ListeningSocket(host: "127.0.0.1", port: first.port)
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("\(first.port)") == true)
        #expect(error?.message.contains("\n") == false)
    }

    @Test("a peer that does not drain is given up after a bounded number of messages")
    func boundedOutbox() {
        let outbox = Outbox<Int>()
        for element in 0..<CoordinatorInstance.mostMessages { #expect(outbox.add(element)) }
        #expect(!outbox.add(-1))
    }

    @Test("one process trains a whole job without any network")
    func localSession() async throws {
        var job = ToyModel().job(nodes: 1, steps: 5, faultTolerance: 0)
        job.cluster.deviceMemory = nil
        var profile = ToyModel.profile
        profile.deviceMemory = nil
        let recording = MemoryRecording()
        let server = CoordinatorServer(
            coordinator: Coordinator(
                job: job,
                profile: profile,
                reconfigurator: try Reconfigurator(
                    profile: profile,
                    costModel: .sosp23,
                    faultTolerance: 0,
                    microbatches: ToyModel().microbatches
                )
            ),
            recording: recording,
            socket: nil,
            token: ""
        )
        async let outcome = server.run()
        let session = LocalWorkerSession(server: server)
        let worker = Shared(PromptWorker(0))
        try await session.run { message in
            for answer in worker.change({ $0.answers(to: message) }) { session.send(answer) }
        }
        guard case .completed = try await outcome else {
            Issue.record("the run did not complete")
            return
        }
        #expect(recording.all.steps.map(\.step) == Array(0..<5))
    }
}

extension ShellBench {
    /// Runs `body` while agents of these nodes are connected, which do nothing but listen.
    ///
    /// The value holds what ended each session.
    func withAgents(
        _ nodes: [Int],
        tls: ControlTLS? = nil,
        _ body: (Shared<[NodeID: String]>) async throws -> Void
    ) async throws {
        let worker = try StandInWorker()
        defer { worker.remove() }
        let ended = Shared<[NodeID: String]>([:])
        let joined = Shared<Set<Int>>([])
        let tasks = nodes.map { node in
            Task {
                let agent = Agent(
                    coordinator: CoordinatorLocator(address),
                    token: Self.token,
                    tokenPath: worker.tokenPath,
                    tls: tls,
                    node: NodeID(node),
                    workerExecutable: worker.path,
                    workerArguments: [],
                    logPath: "/dev/null"
                )
                let watch = Task {
                    try await eventually("agent \(node) is admitted") {
                        await server.status().nodes.contains { $0.id == NodeID(node) }
                    }
                    joined.change { $0.insert(node) }
                }
                var words = "left"
                do { try await agent.run() } catch { words = "\(error)" }
                watch.cancel()
                let said = words
                ended.change { $0[NodeID(node)] = said }
            }
        }
        defer { for task in tasks { task.cancel() } }
        try await eventually("all agents join") { joined.value == Set(nodes) }
        try await body(ended)
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
