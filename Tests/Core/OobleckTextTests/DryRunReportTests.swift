import Foundation
import OobleckCore
import OobleckText
import Testing

@Suite(.timeLimit(.minutes(5))) struct DryRunReportTests {
    private func report(
        faultTolerance: Int = 1,
        pipelines: Int = 2,
        checkpoint: CheckpointSpecification? = nil
    ) -> DryRunReport {
        let layer = LayerProfile(
            name: "block",
            forward: 0.01,
            backward: 0.02,
            parameterBytes: 1_048_576,
            optimizerBytes: 2_097_152,
            activationBytes: 1024,
            outputBytes: 64
        )
        let profile = ModelProfile(model: "tiny", microbatchSize: 4, layers: [layer, layer, layer])
        let template = PipelineTemplate(
            nodes: 3,
            iteration: 1,
            stages: (0..<3).map { index in
                StageTemplate(
                    firstLayer: index,
                    endLayer: index + 1,
                    node: index,
                    devices: 1,
                    forward: 0.01,
                    backward: 0.02
                )
            }
        )
        let plan = PlanDocument(
            costModel: .sosp23,
            devicesPerNode: 1,
            microbatches: 8,
            guarantee: Guarantee(
                minimumNodes: 3 * (faultTolerance + 1),
                maximumNodes: 6,
                faultTolerance: faultTolerance
            ),
            templates: [template],
            plan: ExecutionPlan(
                generation: Generation(0),
                stepTime: 0.3665,
                synchronizationTime: 0,
                pipelines: (0..<pipelines).map { index in
                    Pipeline(
                        templateNodes: 3,
                        nodes: (0..<3).map { NodeID(3 * index + $0) },
                        microbatches: 8 / pipelines,
                        pipelineTime: 0.3
                    )
                }
            ),
            reason: "2 pipelines of 3+3 nodes: predicted step 366.5 ms",
            transfers: [],
            planningTime: PlanningTime(templates: 0, instantiation: 0)
        )
        let job = JobSpecification(
            model: ModelSpecification(
                name: "tiny",
                blocks: 1,
                hidden: 8,
                heads: 1,
                vocabulary: 256,
                sequenceLength: 128,
                dropout: 0
            ),
            training: TrainingSpecification(
                steps: 200,
                seed: 1,
                globalBatch: 32,
                microbatch: 4,
                learningRate: 1e-3,
                minimumLearningRate: 1e-4,
                warmupSteps: 20,
                weightDecay: 0.1,
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                gradientClip: 1,
                skipLimit: 5
            ),
            cluster: ClusterSpecification(
                nodes: 3 * pipelines,
                faultTolerance: faultTolerance,
                deviceMemory: ByteCount(108 << 20),
                detectionBudget: 2
            ),
            corpusPath: "/a",
            checkpoint: checkpoint
        )
        return DryRunReport(
            job: job,
            profile: profile,
            profilePath: nil,
            plan: plan,
            corpusSamples: 3200
        )
    }

    @Test("the report says plan, memory, times, samples, checkpoints and guarantee")
    func text() {
        let lines = report(checkpoint: CheckpointSpecification(.youngDaly)).lines(limit: nil)
        func line(_ name: String) -> String? { lines.first { $0.hasPrefix(name) } }
        #expect(line("model")?.hasSuffix("tiny, measured just now on this machine") == true)
        #expect(
            line("step")
                == "step         32 samples in 8 microbatches, 4096 tokens; predicted 366.5 ms"
        )
        #expect(
            line("run") == "run          200 steps, 819.2k tokens, 2.00 epochs; predicted 1:13"
        )
        #expect(line("memory")?.hasSuffix("MiB on a node of 108.0 MiB") == true, "\(lines)")
        #expect(line("checkpoints")?.contains("young-daly), 9.0 MiB each, the last 2") == true)
        #expect(
            line("guarantee")
                == "guarantee    any 1 of 6 nodes may be lost at once; least nodes 3"
        )
        #expect(lines.last?.split(separator: " ").first == "5")
    }

    @Test("a guarantee that cannot be kept is told with what it takes")
    func guarantee() {
        func line(_ report: DryRunReport) -> String {
            report.lines(limit: nil).first { $0.hasPrefix("guarantee") } ?? ""
        }
        #expect(
            line(report(faultTolerance: 0, pipelines: 1))
                == "guarantee    no node may be lost: fault_tolerance is 0; least nodes 3"
        )
        #expect(
            line(report(faultTolerance: 1, pipelines: 1))
                == "guarantee    no node may be lost: fault_tolerance 1 takes 6 nodes and 2 "
                + "microbatches; least nodes 3"
        )
        #expect(
            line(report(faultTolerance: 2)).contains(
                "any 1 of 6 nodes may be lost at once, not the wanted 2, which takes 9 nodes"
            )
        )
    }

    @Test("it fits narrow terminals", arguments: [79, 59, 39])
    func narrow(limit: Int) {
        let lines = report().lines(limit: limit).flatMap { $0.split(separator: "\n") }
        #expect(lines.allSatisfy { String($0).columns <= limit }, "\(lines)")
    }

    @Test("its JSON has the plan and the figures")
    func json() throws {
        let data = try JSONEncoder().encode(report())
        let object = try #require(
            JSONSerialization.jsonObject(with: data) as? [String: Any]
        )
        #expect(object["survivable_losses"] as? Int == 1)
        #expect(object["total_seconds"] as? Double == 73.3)
        #expect((object["nodes"] as? [[String: Any]])?.count == 6)
        #expect((object["plan"] as? [String: Any])?["plan"] != nil)
    }
}
