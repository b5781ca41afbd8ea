import OobleckCore
import OobleckEngine
import Testing

@Suite("Groups and stages of a plan", .timeLimit(.minutes(10)))
struct GroupPlanTests {
    /// Two pipelines side by side: layers 0-3 on two nodes, and on three.
    private let reconfiguration: Reconfiguration = {
        func stage(_ node: Int, _ first: Int, _ end: Int) -> StageTemplate {
            StageTemplate(
                firstLayer: first,
                endLayer: end,
                node: node,
                devices: 1,
                forward: 1,
                backward: 1
            )
        }
        func pipeline(_ nodes: [NodeID], _ microbatches: Int) -> Pipeline {
            Pipeline(
                templateNodes: nodes.count,
                nodes: nodes,
                microbatches: microbatches,
                pipelineTime: 1
            )
        }
        return Reconfiguration(
            plan: ExecutionPlan(
                generation: 3,
                stepTime: 1,
                synchronizationTime: 0,
                pipelines: [pipeline([5, 2], 3), pipeline([0, 1, 7], 5)]
            ),
            templates: [
                PipelineTemplate(nodes: 2, iteration: 1, stages: [stage(0, 0, 2), stage(1, 2, 4)]),
                PipelineTemplate(
                    nodes: 3,
                    iteration: 1,
                    stages: [stage(0, 0, 1), stage(1, 1, 3), stage(2, 3, 4)]
                ),
            ],
            committedSteps: 4,
            transfers: [LayerTransfer(layer: 1, fromNode: 5, toNode: 1, bytes: 10)]
        )
    }()

    @Test("each layer is summed among exactly its holders")
    func layerGroups() throws {
        let plan = GroupPlan(reconfiguration, layerCount: 4)
        let members = plan.layerGroups.map { name in
            plan.groups.first { $0.name == name }?.members ?? []
        }
        #expect(members == [[0, 5], [1, 5], [1, 2], [2, 7]])
    }

    @Test("the tied matrix is summed among all holders of the first and the last layer")
    func tiedGroup() throws {
        let plan = GroupPlan(reconfiguration, layerCount: 4, tied: [tied(0, 3)])
        let group = try #require(plan.groups.first { $0.name == plan.tiedGroups[0] })
        #expect(group.members == [0, 2, 5, 7])
    }

    private func tied(_ layers: Int...) -> TiedParameter {
        TiedParameter(uses: layers.map { TiedParameter.Use(layer: $0, name: "w") })
    }

    @Test("each parameter that several layers use is summed among all holders of these layers")
    func severalTied() throws {
        let all = [tied(0, 1, 3), tied(0, 1)]
        let plan = GroupPlan(reconfiguration, layerCount: 4, tied: all)
        let members = plan.tiedGroups.map { name in
            plan.groups.first { $0.name == name }?.members ?? []
        }
        #expect(members == [[0, 1, 2, 5, 7], [0, 1, 5]])
    }

    @Test("a head of its own has no group beyond its layer's")
    func untied() {
        let plan = GroupPlan(reconfiguration, layerCount: 4)
        #expect(plan.tiedGroups.isEmpty)
        let tied = GroupPlan(reconfiguration, layerCount: 4, tied: [tied(0, 3)])
        #expect(plan.groups == tied.groups.filter { $0.name != tied.tiedGroups[0] })
        #expect(plan.layerGroups == tied.layerGroups)
    }

    @Test("a pipeline's group has the nodes in the order of its stages")
    func pipelineGroups() throws {
        let plan = GroupPlan(reconfiguration, layerCount: 4)
        let members = plan.pipelineGroups.map { name in
            plan.groups.first { $0.name == name }?.members ?? []
        }
        #expect(members == [[5, 2], [0, 1, 7]])
        let transfer = try #require(plan.groups.first { $0.name == plan.transferGroup })
        #expect(transfer.members == [1, 5])
    }

    @Test("microbatches of the pipelines follow each other without gap or overlap")
    func assignments() throws {
        let last = try #require(StageAssignment(worker: 2, in: reconfiguration))
        #expect(last.pipeline == 0 && last.stage == 1 && last.layers == 2..<4)
        #expect(last.microbatches == 0..<3)
        let middle = try #require(StageAssignment(worker: 1, in: reconfiguration))
        #expect(middle.stage == 1 && middle.stageCount == 3 && middle.microbatches == 3..<8)
        #expect(StageAssignment(worker: 6, in: reconfiguration) == nil)
    }

    @Test("the stages of one node are members of their own, on its devices in their order")
    func devices() throws {
        var plan = reconfiguration
        plan.templates[1].nodes = 2
        plan.templates[1].stages[1].node = 0
        plan.templates[1].stages[2].node = 1
        plan.templates[0] = plan.templates[1]
        plan.plan.pipelines[1].templateNodes = 2
        plan.plan.pipelines[1].nodes = [0, 7]
        plan.transfers = [
            LayerTransfer(layer: 1, from: 0, to: WorkerID(0, device: 1), bytes: 10)
        ]
        let second = WorkerID(0, device: 1)
        let groups = GroupPlan(plan, layerCount: 4)
        let pipelines = groups.pipelineGroups.map { name in
            groups.groups.first { $0.name == name }?.members ?? []
        }
        #expect(pipelines == [[5, WorkerID(5, device: 1), 2], [0, second, 7]])
        let layers = groups.layerGroups.map { name in
            groups.groups.first { $0.name == name }?.members ?? []
        }
        #expect(layers[1] == [second, WorkerID(5, device: 1)])
        let transfer = try #require(groups.groups.first { $0.name == groups.transferGroup })
        #expect(transfer.members == [0, second])
        let middle = try #require(StageAssignment(worker: second, in: plan))
        #expect(middle.stage == 1 && middle.layers == 1..<3 && middle.microbatches == 3..<8)
        #expect(StageAssignment(worker: WorkerID(7, device: 1), in: plan) == nil)
    }

    @Test("groups of one member are not formed")
    func singleMembers() {
        var alone = reconfiguration
        alone.plan.pipelines.removeFirst()
        alone.transfers = []
        let plan = GroupPlan(alone, layerCount: 4, tied: [tied(0, 3)])
        #expect(plan.layerGroups.allSatisfy { $0 == nil })
        #expect(plan.groups.map(\.members) == [[0, 1, 7], [0, 7]])
    }
}
