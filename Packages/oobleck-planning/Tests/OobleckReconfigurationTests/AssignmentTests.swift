import OobleckReconfiguration
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct AssignmentTests {
    @Test(
        "no other assignment of nodes to places copies fewer bytes",
        arguments: Seed.range(0..<80)
    )
    func leastBytes(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 6, perDevice: 4, using: &random)
        let nodes = (0..<Int.random(in: 2...6, using: &random)).map { NodeID($0 * 3 + 1) }
        // Any holdings at all, as long as each layer has a holder.
        var held: [NodeID: Set<Int>] = [:]
        for layer in profile.layers.indices {
            for node in nodes where Double.random(in: 0..<1, using: &random) < 0.4 {
                held[node, default: []].insert(layer)
            }
            held[nodes.randomElement(using: &random)!, default: []].insert(layer)
        }
        var reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: 1,
            microbatches: 8
        )
        let decision = reconfigurator.decide(
            nodes: nodes,
            holdings: held,
            hasState: true,
            generation: 4
        )
        guard case .plan(let document, _) = decision else {
            Issue.record("\(seed): \(decision)")
            return
        }
        let slots = document.plan.pipelines.flatMap { pipeline in
            (0..<pipeline.templateNodes).map {
                document.template(nodes: pipeline.templateNodes)!.layers(ofNode: $0)
            }
        }
        let copied = document.transfers.reduce(0) { $0 + $1.bytes.value }
        let least = permutations(nodes).map { order in
            zip(order, slots).reduce(0) { sum, pair in
                pair.1.reduce(sum) { sum, layer in
                    held[pair.0]?.contains(layer) == true
                        ? sum : sum + profile.layers[layer].stateBytes.value
                }
            }
        }
        .min()
        #expect(copied == least, "\(seed)")
    }

    private func permutations(_ nodes: [NodeID]) -> [[NodeID]] {
        guard nodes.count > 1 else { return [nodes] }
        return nodes.flatMap { node in
            permutations(nodes.filter { $0 != node }).map { [node] + $0 }
        }
    }

    @Test("a plan for the same nodes leaves every node where it is and copies nothing")
    func staying() throws {
        var random = SeededGenerator(Seed(value: 1))
        let profile = ModelProfile.random(layers: 8, perDevice: 4, using: &random)
        for count in 2...9 {
            var reconfigurator = try Reconfigurator(
                profile: profile,
                costModel: .sosp23,
                faultTolerance: 1,
                microbatches: 16
            )
            // Not in the order of their numbers, as after some joins.
            let nodes = (0..<count).map { NodeID(($0 * 7) % 11) }
            guard
                case .plan(let first, _) = reconfigurator.decide(
                    nodes: nodes,
                    holdings: [:],
                    hasState: false,
                    generation: 0
                ),
                case .plan(let second, _) = reconfigurator.decide(
                    nodes: nodes.reversed(),
                    holdings: holdings(of: first),
                    hasState: true,
                    generation: 1
                )
            else {
                Issue.record("no plan for \(count) nodes")
                continue
            }
            #expect(second.plan.pipelines.map(\.nodes) == first.plan.pipelines.map(\.nodes))
            #expect(second.transfers == [])
        }
    }

    @Test("a pipeline that lost nobody keeps its nodes")
    func wholePipelineStays() throws {
        var random = SeededGenerator(Seed(value: 2))
        let profile = ModelProfile.random(layers: 8, perDevice: 4, using: &random)
        var reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: 1,
            microbatches: 1024
        )
        let nodes = (0..<4).map { NodeID($0) }
        guard
            case .plan(let first, _) = reconfigurator.decide(
                nodes: nodes,
                holdings: [:],
                hasState: false,
                generation: 0
            )
        else {
            Issue.record("no plan")
            return
        }
        #expect(first.plan.pipelines.map(\.nodes) == [[0, 1], [2, 3]])
        // Node 0 dies, node 9 joins: it takes the place of node 0 and the rest stays.
        let held = holdings(of: first).filter { $0.key != 0 }
        guard
            case .plan(let second, _) = reconfigurator.decide(
                nodes: [1, 2, 3, 9],
                holdings: held,
                hasState: true,
                generation: 1
            )
        else {
            Issue.record("no plan")
            return
        }
        #expect(Set(second.plan.pipelines.map(\.nodes)) == [[9, 1], [2, 3]])
        #expect(Set(second.transfers.map(\.fromNode)) == [2])
        #expect(Set(second.transfers.map(\.toNode)) == [9])
    }

    @Test("copies are spread over all holders")
    func spread() throws {
        let layer = LayerProfile(
            name: "block",
            forward: 1,
            backward: 2,
            parameterBytes: 10
        )
        let profile = ModelProfile(
            model: "m",
            microbatchSize: 1,
            layers: Array(repeating: layer, count: 6)
        )
        var reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: 3,
            microbatches: 8
        )
        let all = Set(profile.layers.indices)
        let decision = reconfigurator.decide(
            nodes: [0, 1, 2, 3],
            holdings: [0: all, 1: all, 2: all],
            hasState: true,
            generation: 1
        )
        guard case .plan(let document, true) = decision else {
            Issue.record("\(decision)")
            return
        }
        let sent = Dictionary(grouping: document.transfers, by: \.fromNode).mapValues(\.count)
        #expect(sent == [0: 2, 1: 2, 2: 2])
    }

    @Test("a holder that sent a large layer sends no more while others sent less")
    func spreadByBytes() throws {
        let layers = [100, 10, 10, 10].map {
            LayerProfile(name: "l", forward: 1, backward: 2, parameterBytes: ByteCount($0))
        }
        var reconfigurator = try Reconfigurator(
            profile: ModelProfile(model: "m", microbatchSize: 1, layers: layers),
            costModel: .sosp23,
            faultTolerance: 2,
            microbatches: 8
        )
        let all = Set(layers.indices)
        let decision = reconfigurator.decide(
            nodes: [0, 1, 2],
            holdings: [0: all, 1: all],
            hasState: true,
            generation: 1
        )
        guard case .plan(let document, true) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(document.transfers.map(\.fromNode) == [0, 1, 1, 1])
    }
}
