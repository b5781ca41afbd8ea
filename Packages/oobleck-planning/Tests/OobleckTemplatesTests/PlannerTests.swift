import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct PlannerTests {
    private func profile(layers: Int, layersPerDevice: Int) -> ModelProfile {
        let layer = LayerProfile(
            name: "block",
            forward: 0.01,
            backward: 0.02,
            allReduceAcrossNodes: [2: 0.004],
            parameterBytes: 1000,
            optimizerBytes: 2000
        )
        return ModelProfile(
            model: "blocks",
            microbatchSize: 1,
            deviceMemory: ByteCount(4000 * layersPerDevice),
            layers: Array(repeating: layer, count: layers)
        )
    }

    @Test("generation 0 puts nodes 0 to N - 1 on the pipelines one after the other")
    func generationZero() throws {
        let planner = try Planner(profile: profile(layers: 8, layersPerDevice: 4))
        let document = try planner.untimedPlan(nodes: 5, faultTolerance: 1, microbatches: 16)
        let plan = document.plan
        #expect(plan.generation == 0)
        #expect(plan.pipelines.map(\.nodes) == [[0, 1], [2, 3, 4]])
        #expect(plan.pipelines.map(\.microbatches).reduce(0, +) == 16)
        #expect(plan.synchronizationTime == 0.004)
        let slowest = try #require(plan.pipelines.map(\.pipelineTime).max())
        #expect(plan.stepTime == slowest + 0.004)
        #expect(document.transfers == [])
        #expect(document.reason.hasPrefix("2 pipelines of 2+3 nodes: predicted step "))
        #expect(document.planningTime == PlanningTime(templates: 0, instantiation: 0))
    }

    @Test("every node count from n_0 up has a plan with the copies it can have", arguments: 2...16)
    func everyCount(nodes: Int) throws {
        let planner = try Planner(profile: profile(layers: 8, layersPerDevice: 4))
        for tolerance in 0...3 {
            let document = try planner.untimedPlan(
                nodes: nodes,
                faultTolerance: tolerance,
                microbatches: 16,
                acceptsFewerCopies: true
            )
            let error = keepsPromise(planner, nodes: nodes, tolerance)
            #expect((error == nil) == (document.plan.pipelines.count > tolerance))
            #expect(document.plan.nodes == (0..<nodes).map { NodeID($0) })
            let copies = document.plan.pipelines.count
            #expect(copies >= min(tolerance + 1, nodes / 2))
            #expect(document.reason.hasPrefix("warning") == (copies < tolerance + 1))
            #expect(document.reason.count <= 160)
            for pipeline in document.plan.pipelines {
                #expect(document.template(nodes: pipeline.templateNodes) != nil)
            }
        }
    }

    /// The error of a plan that has to survive as many losses.
    private func keepsPromise(_ planner: Planner, nodes: Int, _ tolerance: Int) -> OobleckError? {
        do {
            _ = try planner.untimedPlan(nodes: nodes, faultTolerance: tolerance, microbatches: 16)
            return nil
        } catch {
            return error as? OobleckError
        }
    }

    @Test("many pipelines still make one short line")
    func shortReason() throws {
        let planner = try Planner(profile: profile(layers: 8, layersPerDevice: 4))
        let document = try planner.untimedPlan(nodes: 61, faultTolerance: 20, microbatches: 64)
        #expect(document.reason.count <= 160)
        #expect(!document.reason.contains("\n"))
    }

    @Test("the same inputs give the same plan")
    func deterministic() throws {
        func document() throws -> PlanDocument {
            try Planner(profile: profile(layers: 9, layersPerDevice: 3))
                .untimedPlan(nodes: 11, faultTolerance: 2, microbatches: 32)
        }
        #expect(try document() == document())
    }

    @Test("fewer nodes than n_0 have no plan")
    func noPlan() throws {
        let planner = try Planner(profile: profile(layers: 8, layersPerDevice: 4))
        let error = #expect(throws: OobleckError.self) {
            try planner.untimedPlan(nodes: 1, faultTolerance: 0, microbatches: 16)
        }
        #expect(error?.code == .noPlan)
    }
}
