import OobleckReconfiguration
import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct MicrobatchBalanceTests {
    /// Pipelines of given sizes of unequal stages.
    private func document(
        _ sizes: [Int],
        microbatches: Int,
        _ model: CostModel,
        from first: Int = 0
    ) -> PlanDocument {
        let templates = Set(sizes).sorted().map { size in
            PipelineTemplate(
                nodes: size,
                iteration: 1,
                stages: (0..<size).map {
                    StageTemplate(
                        firstLayer: $0,
                        endLayer: $0 + 1,
                        node: $0,
                        devices: 1,
                        forward: Seconds(0.01 + 0.003 * Double($0)),
                        backward: 0.02
                    )
                }
            )
        }
        var next = first
        let pipelines = sizes.map { size in
            defer { next += size }
            return Pipeline(
                templateNodes: size,
                nodes: (next..<next + size).map { NodeID($0) },
                microbatches: 1,
                pipelineTime: 0
            )
        }
        return PlanDocument(
            costModel: model,
            devicesPerNode: 1,
            microbatches: microbatches,
            guarantee: Guarantee(minimumNodes: 1, maximumNodes: 9, faultTolerance: 1),
            templates: templates,
            plan: ExecutionPlan(
                generation: 0,
                stepTime: 1,
                synchronizationTime: 0.002,
                pipelines: pipelines
            ),
            reason: "",
            transfers: [],
            planningTime: PlanningTime(templates: 0, instantiation: 0)
        )
    }

    /// The least step time over all ways to give each pipeline at least one microbatch.
    private func exhaustive(_ document: PlanDocument, _ slowness: [NodeID: Double]) -> Double {
        var best = Double.infinity
        func distribute(_ index: Int, _ left: Int, _ counts: [Int]) {
            let pipelines = document.plan.pipelines.count
            guard index < pipelines - 1 else {
                var candidate = document
                for (place, count) in (counts + [left]).enumerated() {
                    candidate.plan.pipelines[place].microbatches = count
                }
                best = min(best, candidate.stepTime(for: slowness).value)
                return
            }
            for count in 1...(left - (pipelines - 1 - index)) {
                distribute(index + 1, left - count, counts + [count])
            }
        }
        distribute(0, document.microbatches, [])
        return best
    }

    @Test("no way to deal out the microbatches is faster", arguments: Seed.range(0..<60))
    func optimal(seed: Seed) {
        var random = SeededGenerator(seed)
        let sizes = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            Int.random(in: 1...3, using: &random)
        }
        let model = CostModel.allCases.randomElement(using: &random) ?? .sosp23
        let count = Int.random(in: sizes.count...9, using: &random)
        let document = document(sizes, microbatches: count, model)
        var slowness: [NodeID: Double] = [:]
        for node in document.plan.nodes where Bool.random(using: &random) {
            slowness[node] = Double.random(in: 1...10, using: &random)
        }
        let balanced = document.balanced(for: slowness)
        let counts = balanced.plan.pipelines.map(\.microbatches)
        #expect(counts.reduce(0, +) == count && counts.allSatisfy { $0 >= 1 })
        #expect(abs(balanced.plan.stepTime.value - exhaustive(document, slowness)) < 1e-12)
        #expect(balanced.plan.stepTime == balanced.stepTime(for: slowness))
    }

    @Test("a slow pipeline is kept when it helps, and given up when the others are faster alone")
    func decisions() {
        let current = document([1, 1, 1], microbatches: 12, .sosp23).balanced(for: [:])
        let without = document([1, 1], microbatches: 12, .sosp23, from: 1)
        func decide(_ factor: Double, _ proposed: PlanDocument) -> SlowNodeDecision {
            SlowNodePolicy(costs: ReconfigurationCosts(slowness: [0: factor]))
                .decide(current: current, proposed: proposed)
        }
        #expect(decide(1.02, current) == .keep)
        guard case .change([], let before, let after) = decide(2, current) else {
            Issue.record("twice as slow: \(decide(2, current))")
            return
        }
        #expect(before > after)
        // One microbatch of the slow node takes longer than six of another.
        guard case .change([0], let kept, let other) = decide(10, without) else {
            Issue.record("ten times as slow: \(decide(10, without))")
            return
        }
        #expect(kept > other)
    }

    @Test(
        "a factor that nobody can have measured counts for none, and a great one is bounded",
        arguments: [0, -1, .nan, -.infinity, .infinity, 1e-300, 1e300]
    )
    func hostileFactors(factor: Double) {
        let document = document([2, 2], microbatches: 8, .sosp23)
        let step = document.stepTime(for: [0: factor])
        let bounds = Slowness.bounds
        #expect(step.value.isFinite && step > 0)
        #expect(step.value <= bounds.upperBound * document.stepTime(for: [:]).value)
        let balanced = document.balanced(for: [0: factor])
        #expect(balanced.plan.stepTime.value.isFinite)
        #expect(balanced.plan.pipelines.allSatisfy { $0.microbatches >= 1 })
        #expect(balanced.plan.pipelines.reduce(0) { $0 + $1.microbatches } == 8)
        if !(factor > 0) { #expect(balanced == document.balanced(for: [:])) }
        let decision = SlowNodePolicy(costs: ReconfigurationCosts(slowness: [0: factor]))
            .decide(current: document, proposed: document)
        if case .change(_, let before, let after) = decision {
            #expect(before.value.isFinite && after.value.isFinite)
        }
    }
}
