import OobleckClock
import OobleckCore
import OobleckEngine
import Synchronization
import Testing

/// One worker, and the test as its coordinator.
private final class ScriptedWorker: ControlLink {
    private let sent = Mutex<[WorkerMessage]>([])
    private let worker = Mutex<Worker?>(nil)

    var messages: [WorkerMessage] { sent.withLock { $0 } }

    func send(_ message: WorkerMessage) { sent.withLock { $0.append(message) } }

    /// Starts node 0 with a job.
    init(_ job: JobSpecification) throws {
        let worker = Worker(0, host: "127.0.0.1", link: self)
        self.worker.withLock { $0 = worker }
        try SystemThread.start(stackBytes: 16 << 20) { _ = worker.run() }
        worker.receive(.job(job))
    }

    func tell(_ messages: CoordinatorMessage...) {
        guard let worker = worker.withLock({ $0 }) else { return }
        for message in messages { worker.receive(message) }
    }

    /// Ends the worker's thread.
    func end() {
        worker.withLock { $0 }?.close()
        worker.withLock { $0 = nil }
    }

    /// What `find` finds in the first message in which it finds something, within ten seconds.
    func hear<Found>(_ what: Comment, _ find: (WorkerMessage) -> Found?) async throws -> Found {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            if let found = messages.lazy.compactMap(find).first { return found }
            try await Task.sleep(for: .milliseconds(2))
        }
        return try #require(nil as Found?, what)
    }
}

@Suite("Plans and messages that a worker takes or not", .serialized, .timeLimit(.minutes(5)))
struct EnginePlanTests {
    /// Layers as of each stage on a node of its template, all on one device but where told.
    private static func plan(
        generation: Generation = 1,
        stages: [(node: Int, layers: Range<Int>)],
        nodes: [NodeID],
        microbatches: Int = 4,
        devices: Int = 1,
        transfers: [LayerTransfer] = []
    ) -> Reconfiguration {
        Reconfiguration(
            plan: ExecutionPlan(
                generation: generation,
                stepTime: 1,
                synchronizationTime: 0,
                pipelines: [
                    Pipeline(
                        templateNodes: nodes.count,
                        nodes: nodes,
                        microbatches: microbatches,
                        pipelineTime: 1
                    )
                ]
            ),
            templates: [
                PipelineTemplate(
                    nodes: nodes.count,
                    iteration: 1,
                    stages: stages.map { stage in
                        StageTemplate(
                            firstLayer: stage.layers.lowerBound,
                            endLayer: stage.layers.upperBound,
                            node: stage.node,
                            devices: devices,
                            forward: 1,
                            backward: 1
                        )
                    }
                )
            ],
            committedSteps: 0,
            transfers: transfers
        )
    }

    private static let misfits: [(plan: Reconfiguration, says: String)] = {
        var twice = plan(stages: [(0, 0..<4)], nodes: [0], microbatches: 2)
        twice.plan.pipelines.append(twice.plan.pipelines[0])
        var lacking = plan(stages: [(0, 0..<4)], nodes: [0])
        lacking.templates = []
        let copy = LayerTransfer(layer: 9, fromNode: 1, toNode: 0, bytes: 10)
        return [
            (
                twice,
                "gives worker 0 stage 0 of pipeline 0 and stage 0 of pipeline 1; a worker runs one stage"
            ),
            (
                plan(stages: [(0, 0..<4)], nodes: [0], devices: 2),
                "gives stage 0 of pipeline 0 2 devices; a stage runs on one device"
            ),
            (
                plan(stages: [(0, 0..<7)], nodes: [0]),
                "gives stage 0 of pipeline 0 layers 0..<7 after 0 others; the model has layers 0..<4"
            ),
            (
                plan(stages: [(0, 0..<2), (1, 3..<4)], nodes: [0, 1]),
                "gives stage 1 of pipeline 0 layers 3..<4 after 2 others; the model has layers 0..<4"
            ),
            (
                plan(stages: [(0, 0..<3)], nodes: [0]),
                "gives pipeline 0 3 layers; the model has layers 0..<4"
            ),
            (
                plan(stages: [(0, 0..<4)], nodes: [0], microbatches: 3),
                "has 3 microbatches; a step has 4"
            ),
            (
                plan(stages: [(0, 0..<4)], nodes: [0], transfers: [copy]),
                "copies layer 9; the model has layers 0..<4"
            ),
            (lacking, "has no template of 1 node, which pipeline 0 follows"),
        ]
    }()

    @Test("a plan that the engine cannot run is refused by name", arguments: 0..<misfits.count)
    func refusal(index: Int) async throws {
        let (plan, says) = Self.misfits[index]
        let test = try EngineJob(nodes: 1, steps: 1)
        let worker = try ScriptedWorker(test.job)
        defer { worker.end() }
        worker.tell(.reconfigure(plan))
        let (status, message) = try await worker.hear("a refusal") { message in
            if case .failed(let status, let message) = message { (status, message) } else { nil }
        }
        #expect(status == 70)
        #expect(message == "this engine cannot run the plan: it \(says)")
    }

    private func commit(
        _ step: Int,
        _ generation: Generation,
        _ job: JobSpecification
    ) -> StepCommit {
        let record = CommittedStep(
            step: step,
            generation: generation,
            firstSample: 0,
            endSample: 8,
            loss: 1,
            gradientNorm: 1
        )
        return job.commit(of: record, pauses: false)
    }

    @Test("what belongs to an older generation changes nothing")
    func staleMessages() async throws {
        let test = try EngineJob(nodes: 1, steps: 3)
        let worker = try ScriptedWorker(test.job)
        defer { worker.end() }
        let plan = Self.plan(generation: 5, stages: [(0, 0..<4)], nodes: [0])
        worker.tell(.reconfigure(plan))
        _ = try await worker.hear("that it is prepared") { message in
            if case .prepared(let report) = message { report } else { nil }
        }
        worker.tell(
            .rendezvous(Rendezvous(generation: 4, key: "key", value: [1])),
            .resume(generation: 4, step: 0),
            .evaluate(generation: 4, step: 0),
            .abort(generation: 4, reason: "a test"),
            .resume(generation: 5, step: 0)
        )
        func vote(_ step: Int) async throws -> StepVote {
            try await worker.hear("a vote for step \(step)") { message in
                if case .vote(let vote) = message, vote.step == step { vote } else { nil }
            }
        }
        #expect(try await vote(0).generation == 5)
        worker.tell(
            .commit(commit(0, 4, test.job)),
            .abort(generation: 4, reason: "a test"),
            .commit(commit(0, 5, test.job))
        )
        #expect(try await vote(1).generation == 5)
        worker.tell(.abort(generation: 5, reason: "a test"), .resume(generation: 5, step: 1))
        worker.tell(.collect(generation: 5, upload: []))
        _ = try await worker.hear("digests") { message in
            if case .digests = message { true } else { nil }
        }
        let resumed = worker.messages.filter {
            if case .resumed = $0 { true } else { false }
        }
        #expect(resumed == [.resumed(generation: 5, step: 0)])
        let votes = worker.messages.filter { if case .vote = $0 { true } else { false } }
        #expect(votes.count == 2)
    }
}
