import OobleckCore
import OobleckEngine
import OobleckRunFiles
import Testing

@Suite("Checkpoints of workers in one process", .serialized, .timeLimit(.minutes(10)))
struct EngineCheckpointTests {
    /// A job that saves its state after every third step.
    private func saving(
        nodes: Int,
        steps: Int = 5,
        _ change: (inout JobSpecification) -> Void = { _ in }
    ) throws -> EngineJob {
        try EngineJob(nodes: nodes, steps: steps) { job, folder in
            job.checkpoint = CheckpointSpecification(.steps(3), directory: folder + "/saves")
            job.training.decaySteps = 5
            change(&job)
        }
    }

    /// Holds the run up until the state of step 3 is saved, or a worker is lost in that.
    private func saved(
        newcomers: [NodeID] = [],
        _ act: @escaping @Sendable (EngineBench) throws -> Void = { _ in }
    ) -> BenchScript {
        BenchScript(
            after: 4,
            until: { $0.published.contains(3) || !$0.lost.isEmpty },
            newcomers: newcomers,
            act: act
        )
    }

    /// The checkpoint of step 3 that four workers wrote.
    private func written(_ test: EngineJob) async throws -> RestorePoint {
        let records = try await EngineBench.run(test.job, saved())
        #expect(records.published.contains(3))
        #expect(try records.layerDigests == test.solo().layerDigests)
        let store = try CheckpointStore(path: test.folder + "/saves", job: test.job)
        let found = store.newest(atMost: 3, corpusDigest: nil, excluding: [])
        return try #require(found.point)
    }

    @Test("what four workers wrote another number of them restores", arguments: [1, 2, 3])
    func otherNumber(nodes: Int) async throws {
        let test = try saving(nodes: 4)
        let point = try await written(test)
        var job = test.job
        job.cluster.nodes = nodes
        job.cluster.faultTolerance = 0
        let records = try await EngineBench.run(job, from: point)
        #expect(records.restored.map(\.step) == [3])
        #expect(records.steps.map(\.step) == [3, 4])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test("a worker that ends while it restores is replaced by the others")
    func lossInRestore() async throws {
        let test = try saving(nodes: 4)
        let point = try await written(test)
        var job = test.job
        job.faults = [PlannedFault(node: 1, point: .midRestore, step: 3, target: .worker)]
        let records = try await EngineBench.run(job, from: point)
        #expect(records.lost == [1])
        #expect(records.steps.map(\.step) == [3, 4])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test("a worker that ends while it writes leaves no whole save")
    func lossInSave() async throws {
        let test = try saving(nodes: 4) { job in
            job.faults = [PlannedFault(node: 1, point: .midCheckpoint, step: 3, target: .worker)]
        }
        let records = try await EngineBench.run(test.job, saved())
        #expect(records.lost == [1])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test("when layers are lost with three of four workers, new ones go back to the checkpoint")
    func goBack() async throws {
        let test = try saving(nodes: 4, steps: 7)
        let script = saved(newcomers: [4, 5]) { bench in
            for node: NodeID in [1, 2, 3] { bench.lose(node, .staged(.worker)) }
        }
        let records = try await EngineBench.run(test.job, script)
        #expect(records.lost.sorted() == [1, 2, 3])
        #expect(records.restored.map(\.step) == [3])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test("an evaluation gives the same loss on any number of workers, and changes no state")
    func evaluation() async throws {
        var losses: [[Double]] = []
        for nodes in [1, 3, 4] {
            let test = try EngineJob(nodes: nodes, steps: 4) { job, folder in
                job.validation = ValidationSpecification(
                    every: 2,
                    batches: 2,
                    dataPath: folder + "/validation.bin"
                )
            }
            let records = try await EngineBench.run(test.job)
            #expect(records.evaluations.map(\.step) == [0, 2, 4])
            losses.append(records.evaluations.map(\.loss))
            #expect(try records.layerDigests == test.solo().layerDigests)
        }
        #expect(losses[0] == losses[1] && losses[0] == losses[2])
    }

    @Test("a worker that ends in an evaluation is done without")
    func lossInEvaluation() async throws {
        let test = try EngineJob(nodes: 4, steps: 4) { job, folder in
            job.validation = ValidationSpecification(
                every: 2,
                batches: 2,
                dataPath: folder + "/validation.bin"
            )
            job.faults = [PlannedFault(node: 1, point: .midEvaluation, step: 2, target: .worker)]
        }
        let records = try await EngineBench.run(test.job)
        #expect(records.lost == [1])
        #expect(records.evaluations.map(\.step) == [0, 2, 4])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }
}
