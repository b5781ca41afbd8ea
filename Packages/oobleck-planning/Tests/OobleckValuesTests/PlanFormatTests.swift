import Foundation
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct PlanFormatTests {
    private let text = """
        {"version": 1, "cost_model": "sosp23-artifact", "devices_per_node": 1, "microbatches": 4096,
         "guarantee": {"minimum_nodes": 6, "maximum_nodes": 13, "fault_tolerance": 1},
         "templates": [{"nodes": 1, "iteration_seconds": 1.25,
                        "stages": [{"first_layer": 0, "end_layer": 11, "node": 0, "devices": 1,
                                    "forward_seconds": 0.5, "backward_seconds": 0.25}]}],
         "plan": {"generation": 3, "step_seconds": 4.5, "synchronization_seconds": 0.5,
                  "pipelines": [{"template_nodes": 1, "nodes": [7], "microbatches": 4096,
                                 "pipeline_seconds": 4.0, "schedule": "1f1b"}]},
         "reason": "why", "transfers": [{"layer": 4, "from_node": 3, "to_node": 5, "bytes": 28}],
         "planning_seconds": {"templates": 0.5, "instantiation": 0.25}}
        """

    private var document: PlanDocument {
        PlanDocument(
            costModel: .sosp23Artifact,
            devicesPerNode: 1,
            microbatches: 4096,
            guarantee: Guarantee(minimumNodes: 6, maximumNodes: 13, faultTolerance: 1),
            templates: [
                PipelineTemplate(
                    nodes: 1,
                    iteration: 1.25,
                    stages: [
                        StageTemplate(
                            firstLayer: 0,
                            endLayer: 11,
                            node: 0,
                            devices: 1,
                            forward: 0.5,
                            backward: 0.25
                        )
                    ]
                )
            ],
            plan: ExecutionPlan(
                generation: 3,
                stepTime: 4.5,
                synchronizationTime: 0.5,
                pipelines: [
                    Pipeline(templateNodes: 1, nodes: [7], microbatches: 4096, pipelineTime: 4)
                ]
            ),
            reason: "why",
            transfers: [LayerTransfer(layer: 4, fromNode: 3, toNode: 5, bytes: 28)],
            planningTime: PlanningTime(templates: 0.5, instantiation: 0.25)
        )
    }

    @Test("a plan in the published format is read field by field")
    func reading() throws {
        let read = try JSONDecoder().decode(PlanDocument.self, from: Data(text.utf8))
        #expect(read == document)
        #expect(read.template(nodes: 1)?.layers(ofNode: 0) == Array(0..<11))
        #expect(read.template(nodes: 2) == nil)
    }

    @Test("a pipeline without a schedule runs 1F1B; an unknown schedule is refused by its name")
    func schedule() throws {
        let old = text.replacingOccurrences(of: ", \"schedule\": \"1f1b\"", with: "")
        #expect(try JSONDecoder().decode(PlanDocument.self, from: Data(old.utf8)) == document)
        let unknown = text.replacingOccurrences(of: "1f1b", with: "zigzag")
        let error = #expect(throws: OobleckError.self) {
            try JSONDecoder().decode(PlanDocument.self, from: Data(unknown.utf8))
        }
        #expect(error?.message.contains("\"zigzag\"; this version runs 1f1b") == true)
    }

    @Test("nodes without work are listed; a plan without any does not speak of them")
    func idleNodes() throws {
        var idling = document
        idling.idleNodes = [8, 9]
        let data = try JSONEncoder().encode(idling)
        let written = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        #expect(written?["idle_nodes"] as? [Int] == [8, 9])
        #expect(try JSONDecoder().decode(PlanDocument.self, from: data) == idling)
        #expect(document.idleNodes == [])
    }

    @Test("a hand-over is read and written; a free one is left out")
    func handover() throws {
        var charged = document
        charged.templates[0].stages[0].handover = Handover(busy: 0.5, latency: 0.25)
        let data = try JSONEncoder().encode(charged)
        let text = try #require(String(data: data, encoding: .utf8))
        #expect(text.contains("\"handover_seconds\":0.5"))
        #expect(text.contains("\"handover_latency_seconds\":0.25"))
        #expect(try JSONDecoder().decode(PlanDocument.self, from: data) == charged)
    }

    @Test("a plan is written with exactly the published names and plain numbers")
    func writing() throws {
        let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(document))
        let published = try JSONSerialization.jsonObject(with: Data(text.utf8))
        #expect(try #require(written as? NSDictionary) == #require(published as? NSDictionary))
    }
}
