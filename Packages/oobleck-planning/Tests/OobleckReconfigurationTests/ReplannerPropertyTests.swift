import OobleckReconfiguration
import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ReplannerPropertyTests {
    @Test(
        "a history of losses and joins keeps every rule of a plan under both policies",
        arguments: Seed.range(0..<40)
    )
    func history(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 7, perDevice: 4, using: &random)
        let policy: ReplanPolicy = seed.value % 2 == 0 ? .sosp23 : .optimal
        var document = try Planner(profile: profile).untimedPlan(
            nodes: Int.random(in: 5...12, using: &random),
            faultTolerance: 1,
            microbatches: Int.random(in: 6...20, using: &random)
        )
        for round in 1...8 {
            let nodes = document.plan.nodes
            let lost = nodes.shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random))
            let joined = (0..<Int.random(in: lost.isEmpty ? 1...2 : 0...2, using: &random))
                .map { NodeID(100 * round + $0) }
            let held = holdings(of: document).filter { !lost.contains($0.key) }
            let present = (held.keys + joined).sorted()
            let gone = profile.layers.indices.filter { layer in
                !held.values.contains { $0.contains(layer) }
            }
            do {
                let next = try Replanner(document, profile: profile).replan(
                    losing: Array(lost),
                    joining: joined,
                    policy: policy
                )
                #expect(gone.isEmpty, "\(seed)")
                #expect(next.plan.generation == document.plan.generation.next, "\(seed)")
                check(next, present: present, held: held, profile, "\(seed), round \(round)")
                document = next
            } catch let error as OobleckError {
                #expect(error.code == .noPlan, "\(seed): \(error)")
                #expect(!gone.isEmpty || present.count < 2, "\(seed): \(error)")
                return
            }
        }
    }

    /// The rules that every plan keeps.
    private func check(
        _ document: PlanDocument,
        present: [NodeID],
        held: [NodeID: Set<Int>],
        _ profile: ModelProfile,
        _ context: String
    ) {
        let plan = document.plan
        let employed = plan.pipelines.flatMap(\.nodes)
        #expect(Set(employed).count == employed.count, "\(context)")
        #expect(Set(employed).isSubset(of: present), "\(context)")
        #expect(
            employed.count == present.count || document.reason.contains(" idle, no template fits"),
            "\(context)"
        )
        var missing: Set<[Int]> = []
        for (node, layers) in holdings(of: document) {
            for layer in layers.subtracting(held[node] ?? []) {
                missing.insert([node.rawValue, layer])
            }
        }
        #expect(
            Set(document.transfers.map { [$0.toNode.rawValue, $0.layer] }) == missing,
            "\(context)"
        )
        #expect(document.transfers.count == missing.count, "\(context)")
        for transfer in document.transfers {
            #expect(held[transfer.fromNode]?.contains(transfer.layer) == true, "\(context)")
            #expect(transfer.bytes == profile.layers[transfer.layer].stateBytes, "\(context)")
        }
        checkTimes(document, profile, context)
    }

    /// Times follow the cost model, and no other apportionment finishes earlier.
    private func checkTimes(_ document: PlanDocument, _ profile: ModelProfile, _ context: String) {
        let plan = document.plan
        let microbatches = plan.pipelines.reduce(0) { $0 + $1.microbatches }
        #expect(microbatches == document.microbatches, "\(context)")
        func time(_ pipeline: Pipeline, _ microbatches: Int) -> Seconds {
            guard let template = document.template(nodes: pipeline.templateNodes) else {
                preconditionFailure("\(context): no template of \(pipeline.templateNodes) nodes")
            }
            return pipelineTime(
                template,
                microbatches: microbatches,
                costModel: document.costModel
            )
        }
        var slowest = Seconds.zero
        for pipeline in plan.pipelines {
            #expect(pipeline.microbatches > 0, "\(context)")
            #expect(pipeline.pipelineTime == time(pipeline, pipeline.microbatches), "\(context)")
            slowest = max(slowest, pipeline.pipelineTime)
        }
        let synchronization = profile.layers[0].allReduceTime(amongNodes: plan.pipelines.count)
        #expect(plan.synchronizationTime == synchronization, "\(context)")
        #expect(plan.stepTime == slowest + synchronization, "\(context)")
        // What all pipelines finish earlier than the slowest, one microbatch at least each.
        let earlier = plan.pipelines.map { pipeline in
            (1...document.microbatches).count { time(pipeline, $0) < slowest }
        }
        #expect(
            earlier.contains(0) || earlier.reduce(0, +) < document.microbatches,
            "\(context)"
        )
    }

    @Test(
        "optimal is as fast as the run's own decision, and never slower than sosp23 on as many nodes",
        arguments: Seed.range(0..<30)
    )
    func optimal(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 8, perDevice: 3, using: &random)
        var reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: 1,
            microbatches: 24
        )
        let nodes = (0..<Int.random(in: 8...12, using: &random)).map { NodeID($0) }
        guard
            case .plan(let document, _) = reconfigurator.decide(
                nodes: nodes,
                holdings: [:],
                hasState: false,
                generation: 0
            )
        else {
            Issue.record("\(seed): no plan")
            return
        }
        let lost = [nodes.randomElement(using: &random)!]
        let held = holdings(of: document).filter { !lost.contains($0.key) }
        guard
            case .plan(let decided, _) = reconfigurator.decide(
                nodes: nodes.filter { !lost.contains($0) },
                holdings: held,
                hasState: true,
                generation: 1
            )
        else {
            Issue.record("\(seed): no plan")
            return
        }
        let replanner = try Replanner(document, profile: profile)
        let best = try replanner.replan(losing: lost)
        #expect(best.plan == decided.plan, "\(seed)")
        #expect(best.transfers == decided.transfers, "\(seed)")
        let published = try replanner.replan(losing: lost, policy: .sosp23)
        if published.plan.pipelines.count > 1, published.plan.nodes.count == best.plan.nodes.count {
            #expect(best.plan.stepTime <= published.plan.stepTime, "\(seed)")
        }
    }
}
