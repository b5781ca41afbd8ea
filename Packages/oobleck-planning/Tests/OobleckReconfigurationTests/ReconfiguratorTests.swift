import OobleckReconfiguration
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ReconfiguratorTests {
    private func reconfigurator(
        layers: Int = 8,
        perDevice: Int = 4,
        faultTolerance: Int = 1
    ) throws -> Reconfigurator {
        var random = SeededGenerator(Seed(value: 3))
        return try Reconfigurator(
            profile: .random(layers: layers, perDevice: perDevice, using: &random),
            costModel: .sosp23,
            faultTolerance: faultTolerance,
            microbatches: 16
        )
    }

    @Test("with 2 or 3 nodes and n_0 = 2 one pipeline runs, with a warning", arguments: [2, 3])
    func withoutCover(count: Int) throws {
        var reconfigurator = try reconfigurator()
        let decision = reconfigurator.decide(
            nodes: (0..<count).map { NodeID($0) },
            holdings: [:],
            hasState: false,
            generation: 0
        )
        guard case .plan(let document, false) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(document.plan.pipelines.map(\.templateNodes) == [count])
        #expect(document.reason.hasPrefix("warning: 1 loss at once not covered"))
        #expect(document.reason.contains("4 nodes"))
    }

    @Test("one node of two is too few before the first commit, a lost layer after it")
    func oneLeft() throws {
        var reconfigurator = try reconfigurator()
        let before = reconfigurator.decide(
            nodes: [0],
            holdings: [:],
            hasState: false,
            generation: 1
        )
        guard case .tooFewNodes(alive: 1, minimum: 2, let reason) = before else {
            Issue.record("\(before)")
            return
        }
        #expect(reason == "1 node left, blocks needs at least 2; add 1")
        let after = reconfigurator.decide(
            nodes: [0],
            holdings: [0: [0, 1, 2, 6]],
            hasState: true,
            generation: 1
        )
        guard case .lostLayers([3, 4, 5, 7], let lostReason) = after else {
            Issue.record("\(after)")
            return
        }
        #expect(
            lostReason
                == "layers 3-5, 7 (block.3 to block.7) have no copy left on any living node"
        )
    }

    @Test("one node that holds all it could is still too few")
    func tooFewWithAllLayers() throws {
        var reconfigurator = try reconfigurator()
        let decision = reconfigurator.decide(
            nodes: [5],
            holdings: [5: Set(0..<8)],
            hasState: true,
            generation: 1
        )
        guard case .tooFewNodes(alive: 1, minimum: 2, _) = decision else {
            Issue.record("\(decision)")
            return
        }
    }

    @Test("no node at all is too few, or all layers lost")
    func noNode() throws {
        var reconfigurator = try reconfigurator()
        guard
            case .tooFewNodes(alive: 0, minimum: 2, _) = reconfigurator.decide(
                nodes: [],
                holdings: [:],
                hasState: false,
                generation: 0
            ),
            case .lostLayers(Array(0..<8), _) = reconfigurator.decide(
                nodes: [],
                holdings: [:],
                hasState: true,
                generation: 0
            )
        else {
            Issue.record("expected no plan")
            return
        }
    }

    @Test("templates grow with the nodes, and stay when nodes go")
    func growth() throws {
        var reconfigurator = try reconfigurator()
        var sizes: [[Int]] = []
        for count in [4, 7, 5] {
            let decision = reconfigurator.decide(
                nodes: (0..<count).map { NodeID($0) },
                holdings: [:],
                hasState: false,
                generation: 0
            )
            guard case .plan(let document, true) = decision else {
                Issue.record("\(decision)")
                return
            }
            sizes.append(document.templates.map(\.nodes))
            #expect(document.guarantee.minimumNodes == 4)
        }
        #expect(sizes == [[2, 3], [2, 3, 4, 5], [2, 3, 4, 5]])
    }

    @Test("a decision does not depend on what was decided before, but for ties")
    func historyFree() throws {
        var long = try reconfigurator()
        var short = try reconfigurator()
        for count in [8, 6] {
            _ = long.decide(
                nodes: (0..<count).map { NodeID($0) },
                holdings: [:],
                hasState: false,
                generation: 0
            )
        }
        let nodes = (0..<5).map { NodeID($0) }
        guard
            case .plan(let left, _) = long.decide(
                nodes: nodes,
                holdings: [:],
                hasState: false,
                generation: 1
            ),
            case .plan(let right, _) = short.decide(
                nodes: nodes,
                holdings: [:],
                hasState: false,
                generation: 1
            )
        else {
            Issue.record("no plan")
            return
        }
        #expect(left.plan.stepTime == right.plan.stepTime)
        #expect(left.plan.pipelines.map(\.templateNodes) == [2, 3])
        #expect(right.plan.pipelines.map(\.templateNodes) == [2, 3])
    }

    @Test("with two layers and no template of three nodes the highest-numbered node stays idle")
    func idle() throws {
        var reconfigurator = try reconfigurator(layers: 2, perDevice: 1)
        let decision = reconfigurator.decide(
            nodes: [0, 2, 4, 6, 8],
            holdings: [:],
            hasState: false,
            generation: 0
        )
        guard case .plan(let document, true) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(document.plan.nodes == [0, 2, 4, 6])
        #expect(document.reason.contains("1 node idle"))
    }

    @Test("a layer that only an outsider holds is copied from it")
    func outsideSource() throws {
        var reconfigurator = try reconfigurator()
        let decision = reconfigurator.decide(
            nodes: [0, 1],
            // Node 7 drains: it lives and holds, but is not to be used.
            holdings: [0: [0, 1, 2, 3], 7: [3, 4, 5, 6, 7]],
            hasState: true,
            generation: 3
        )
        guard case .plan(let document, false) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(document.plan.pipelines.map(\.nodes) == [[0, 1]])
        #expect(document.transfers.map(\.layer) == [4, 5, 6, 7])
        #expect(document.transfers.allSatisfy { $0.fromNode == 7 && $0.toNode == 1 })
        #expect(document.reason.contains("to copy in 4 layers"))
    }

    @Test("values that make no sense are refused at once")
    func badValues() throws {
        let layer = LayerProfile(name: "l", forward: 1, backward: 1, parameterBytes: 10)
        var profile = ModelProfile(model: "m", microbatchSize: 1, layers: [layer])
        func code(faultTolerance: Int, microbatches: Int) -> OobleckError.Code? {
            do {
                _ = try Reconfigurator(
                    profile: profile,
                    costModel: .sosp23,
                    faultTolerance: faultTolerance,
                    microbatches: microbatches
                )
                return nil
            } catch {
                return (error as? OobleckError)?.code
            }
        }
        #expect(code(faultTolerance: 0, microbatches: 1) == nil)
        #expect(code(faultTolerance: -1, microbatches: 1) == .usage)
        #expect(code(faultTolerance: 0, microbatches: 0) == .usage)
        profile.deviceMemory = 19
        #expect(code(faultTolerance: 0, microbatches: 1) == .noPlan)
        profile.layers = []
        #expect(code(faultTolerance: 0, microbatches: 1) == .inputData)
    }
}
