import OobleckReconfiguration
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct CoverageTests {
    @Test(
        "after any f losses there is a plan that copies every missing layer from a living holder",
        arguments: Seed.range(0..<24)
    )
    func everySubset(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let tolerance = Int.random(in: 1...2, using: &random)
        let profile = ModelProfile.random(
            layers: Int.random(in: 3...8, using: &random),
            perDevice: Int.random(in: 2...4, using: &random),
            using: &random
        )
        var start = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: tolerance,
            microbatches: 12
        )
        let nodes = (0..<Int.random(in: 8...9, using: &random)).map { NodeID($0) }
        let first = try plan(&start, nodes, [:], hasState: false, generation: 0)
        #expect(first.transfers.isEmpty)
        guard first.plan.pipelines.count > tolerance else { return }
        let held = holdings(of: first)
        for lost in subsets(of: nodes, size: tolerance) {
            var reconfigurator = start
            let alive = nodes.filter { !lost.contains($0) }
            let surviving = held.filter { alive.contains($0.key) }
            let next = try plan(&reconfigurator, alive, surviving, generation: 1)
            check(next, alive: alive, held: surviving, profile, "\(seed), lost \(lost)")
        }
    }

    @Test(
        "losses and joins one after the other keep every rule, until a layer is gone",
        arguments: Seed.range(0..<40)
    )
    func history(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 7, perDevice: 4, using: &random)
        var reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: 1,
            microbatches: 9
        )
        var nodes = (0..<5).map { NodeID($0) }
        var document = try plan(&reconfigurator, nodes, [:], hasState: false, generation: 0)
        for generation in 1...12 {
            if nodes.count > 2, Bool.random(using: &random) {
                nodes.remove(at: Int.random(in: nodes.indices, using: &random))
            } else {
                nodes.append(NodeID(100 + generation))
            }
            let held = holdings(of: document).filter { nodes.contains($0.key) }
            let lost = profile.layers.indices.filter { layer in
                !held.values.contains { $0.contains(layer) }
            }
            let decision = reconfigurator.decide(
                nodes: nodes,
                holdings: held,
                hasState: true,
                generation: Generation(generation)
            )
            switch decision {
            case .plan(let next, let covers):
                #expect(lost.isEmpty, "\(seed)")
                #expect(covers == (nodes.count >= 4), "\(seed)")
                #expect(next.plan.generation == Generation(generation), "\(seed)")
                check(next, alive: nodes, held: held, profile, "\(seed), step \(generation)")
                document = next
            case .lostLayers(let layers, _):
                #expect(layers == lost, "\(seed)")
                return
            case .tooFewNodes:
                #expect(nodes.count < 2, "\(seed)")
                return
            }
        }
    }

    private func plan(
        _ reconfigurator: inout Reconfigurator,
        _ nodes: [NodeID],
        _ holdings: [NodeID: Set<Int>],
        hasState: Bool = true,
        generation: Generation
    ) throws -> PlanDocument {
        let decision = reconfigurator.decide(
            nodes: nodes,
            holdings: holdings,
            hasState: hasState,
            generation: generation
        )
        guard case .plan(let document, _) = decision else {
            throw OobleckError(.noPlan, "no plan: \(decision)")
        }
        return document
    }

    /// The rules that every plan keeps.
    private func check(
        _ document: PlanDocument,
        alive: [NodeID],
        held: [NodeID: Set<Int>],
        _ profile: ModelProfile,
        _ context: String
    ) {
        let nodes = document.plan.nodes
        #expect(Set(nodes).count == nodes.count, "\(context)")
        #expect(Set(nodes).isSubset(of: alive), "\(context)")
        let pipelines = document.plan.pipelines
        #expect(pipelines.map(\.microbatches).reduce(0, +) == document.microbatches, "\(context)")
        let all = Set(profile.layers.indices)
        var missing: Set<[Int]> = []
        for (node, layers) in holdings(of: document) {
            for layer in layers.subtracting(held[node] ?? []) {
                missing.insert([node.rawValue, layer])
            }
        }
        for pipeline in pipelines {
            #expect(pipeline.nodes.count == pipeline.templateNodes, "\(context)")
            let covered = pipeline.nodes.reduce(into: Set<Int>()) {
                $0.formUnion(holdings(of: document)[$1] ?? [])
            }
            #expect(covered == all, "\(context)")
        }
        #expect(document.transfers.count == missing.count, "\(context)")
        for transfer in document.transfers {
            #expect(missing.contains([transfer.toNode.rawValue, transfer.layer]), "\(context)")
            #expect(alive.contains(transfer.fromNode), "\(context)")
            #expect(held[transfer.fromNode]?.contains(transfer.layer) == true, "\(context)")
            #expect(transfer.bytes == profile.layers[transfer.layer].stateBytes, "\(context)")
        }
        #expect(document.reason.count <= 160, "\(context)")
    }
}
