import Foundation
import OobleckCore
import OobleckText
import Testing

@Suite("The memory of each worker of a plan", .timeLimit(.minutes(5)))
struct WorkerMemoryTests {
    /// One pipeline on node 5, or on nodes 5 and 2, with one stage for each of two layers.
    private func memory(_ nodes: [NodeID]) -> NodeMemory {
        let stages = (0..<2).map { index in
            StageTemplate(
                firstLayer: index,
                endLayer: index + 1,
                node: nodes.count == 1 ? 0 : index,
                devices: 1,
                forward: 1,
                backward: 1
            )
        }
        let pipeline = Pipeline(
            templateNodes: nodes.count,
            nodes: nodes,
            microbatches: 4,
            pipelineTime: 1
        )
        let plan = PlanDocument(
            costModel: .sosp23,
            devicesPerNode: nodes.count == 1 ? 2 : 1,
            microbatches: 4,
            guarantee: Guarantee(minimumNodes: 1, maximumNodes: 2, faultTolerance: 0),
            templates: [PipelineTemplate(nodes: nodes.count, iteration: 1, stages: stages)],
            plan: ExecutionPlan(
                generation: 0,
                stepTime: 1,
                synchronizationTime: 0,
                pipelines: [pipeline]
            ),
            reason: "",
            transfers: [],
            planningTime: PlanningTime(templates: 0, instantiation: 0)
        )
        let layers = [1 << 20, 3 << 20].map { bytes in
            LayerProfile(
                name: "layer",
                forward: 1,
                backward: 1,
                parameterBytes: ByteCount(bytes)
            )
        }
        return NodeMemory(
            plan: plan,
            profile: ModelProfile(model: "m", microbatchSize: 1, layers: layers)
        )
    }

    @Test("each device of a node has a row, and the greatest need is that of one device")
    func devices() {
        let (together, apart) = (memory([5]), memory([5, 2]))
        #expect(together.rows.map(\.memory) == apart.rows.map(\.memory))
        #expect(together.most == apart.most && together.place == "device")
        #expect(together.rows.map(\.device) == [nil, 1])
        let text = together.lines(limit: nil)
        #expect(text[1].contains(" 5 ") && text[2].contains("5/1"), "\(text)")
    }

    @Test("with one device a node nothing names it")
    func single() throws {
        let memory = memory([5, 2])
        #expect(memory.place == "node")
        let json = String(decoding: try JSONEncoder().encode(memory), as: UTF8.self)
        #expect(!json.contains("device"), "\(json)")
    }
}
