import OobleckCore
import OobleckEngine
import Testing

@Suite("Losses of workers in one process", .serialized, .timeLimit(.minutes(10)))
struct EngineLossTests {
    @Test(
        "at a point of a step: the others give the step up, and the state is that of one process",
        arguments: [
            FailurePoint.midForward, .midBackward, .midSend, .beforeVote, .afterVote, .midOptimizer,
        ],
        [PlannedFault.Target.worker, .node]
    )
    func inStep(point: FailurePoint, target: PlannedFault.Target) async throws {
        // The first stage of its pipeline sends.
        let node: NodeID = point == .midSend ? 0 : 1
        let test = try EngineJob(nodes: 4, steps: 4) { job, _ in
            job.faults = [PlannedFault(node: node, point: point, step: 1, target: target)]
        }
        let records = try await EngineBench.run(test.job)
        #expect(records.lost == [node])
        #expect(records.recoveries.map(\.lostNodes) == [[node]])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test(
        "while the others get over the loss of another",
        arguments: [FailurePoint.midRebuild, .midTransfer, .beforePrepared]
    )
    func inRecovery(point: FailurePoint) async throws {
        let test = try EngineJob(nodes: 6, steps: 4) { job, _ in
            job.faults = [
                PlannedFault(node: 1, point: .midBackward, step: 1, target: .worker),
                // A node that has a part in the copies that follow.
                PlannedFault(node: 2, point: point, step: 1, target: .worker),
            ]
        }
        let records = try await EngineBench.run(test.job)
        #expect(records.lost == [1, 2])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test("without a sign: silence alone tells, and the layers that are missing are copied")
    func silence() async throws {
        let test = try EngineJob(nodes: 4, steps: 5) { job, _ in
            job.cluster.detectionBudget = 1
        }
        let script = BenchScript(after: 2, act: { $0.silence(1) })
        let records = try await EngineBench.run(test.job, script)
        #expect(records.lost == [1])
        #expect(records.received.values.contains { $0 > 0 })
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test("for want of memory: the worker ends alone, and not the process that it is in")
    func memory() async throws {
        let test = try EngineJob(nodes: 4, steps: 4) { job, _ in
            job.stagedFaults.shortages = [MemoryFault(node: 1, step: 2)]
        }
        let records = try await EngineBench.run(test.job)
        #expect(records.lost == [1])
        #expect(try records.layerDigests == test.solo().layerDigests)
    }

    @Test("a node that joins is given layers, which it copies from the others")
    func join() async throws {
        let test = try EngineJob(nodes: 3, steps: 5)
        let script = BenchScript(after: 2, newcomers: [3])
        let records = try await EngineBench.run(test.job, script)
        let received = try #require(records.received[3])
        #expect(received > 0)
        #expect(records.lost.isEmpty)
        // The coordinator completes a run only where all copies of each layer have one digest.
        #expect(try records.layerDigests == test.solo().layerDigests)
    }
}
