import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct InstantiatorTests {
    @Test(
        "the step time is the minimum over all multisets and all microbatch counts",
        arguments: Seed.range(0..<300)
    )
    func minimum(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(
            layers: Int.random(in: 1...6, using: &random),
            hasTies: seed.value % 2 == 0,
            hasMemory: seed.value % 4 < 2,
            using: &random
        )
        let generator = try TemplateGenerator(profile: profile)
        var templates = (1...6).compactMap { generator.template(nodes: $0) }
        if seed.value % 5 == 0, templates.count > 1 { templates.remove(at: 1) }
        let nodes = Int.random(in: 1...9, using: &random)
        let microbatches = Int.random(in: 1...9, using: &random)
        let least = Int.random(in: 1...3, using: &random)
        let instantiator = try Instantiator(
            templates: templates,
            profile: profile,
            costModel: .sosp23,
            microbatches: microbatches
        )
        let found = instantiator.instantiation(nodes: nodes, minimumPipelines: least)
        let expected = BruteForce(templates: templates, profile: profile).minimum(
            nodes: nodes,
            microbatches: microbatches,
            pipelines: least...max(least, 9)
        )
        #expect((found == nil) == (expected == nil), "\(seed)")
        guard let found, let expected else { return }
        #expect(abs(found.step.value - expected) <= 1e-12 * expected, "\(seed)")
        #expect(found.nodeCounts.reduce(0, +) == nodes, "\(seed)")
        #expect(found.nodeCounts.count >= least, "\(seed)")
        #expect(found.microbatches.reduce(0, +) == microbatches, "\(seed)")
        #expect(found.microbatches.allSatisfy { $0 >= 1 }, "\(seed)")
        for pipelines in 1...4 {
            let exact = instantiator.instantiation(nodes: nodes, pipelines: pipelines)
            let exactExpected = BruteForce(templates: templates, profile: profile).minimum(
                nodes: nodes,
                microbatches: microbatches,
                pipelines: pipelines...pipelines
            )
            #expect((exact == nil) == (exactExpected == nil), "\(seed)")
            guard let exact, let exactExpected else { continue }
            #expect(abs(exact.step.value - exactExpected) <= 1e-12 * exactExpected, "\(seed)")
        }
    }

    @Test("copies come first, then nodes at work: 2 + 2 of 5 nodes when there is no template of 3")
    func idleNode() throws {
        let generator = try TemplateGenerator(profile: twoLayers)
        let template = try #require(generator.template(nodes: 2))
        let instantiator = try Instantiator(
            templates: [template],
            profile: twoLayers,
            costModel: .sosp23,
            microbatches: 8
        )
        let choice = try #require(instantiator.choice(nodes: 5, faultTolerance: 1))
        #expect(choice.instantiation.nodeCounts == [2, 2])
        #expect(choice.idleNodes == 1)
        #expect(choice.coversFaultTolerance)
        let single = try #require(instantiator.choice(nodes: 3, faultTolerance: 1))
        #expect(single.instantiation.nodeCounts == [2])
        #expect(!single.coversFaultTolerance)
        #expect(instantiator.choice(nodes: 1, faultTolerance: 1) == nil)
    }

    @Test("a step of one microbatch runs on one pipeline, however many copies are wanted")
    func singleMicrobatch() throws {
        let generator = try TemplateGenerator(profile: twoLayers)
        let instantiator = try Instantiator(
            templates: [1, 2].compactMap { generator.template(nodes: $0) },
            profile: twoLayers,
            costModel: .sosp23,
            microbatches: 1
        )
        let choice = try #require(instantiator.choice(nodes: 2, faultTolerance: 1))
        #expect(choice.instantiation.nodeCounts == [2])
        #expect(!choice.coversFaultTolerance)
        for (nodes, words) in [
            (2, "1 copy of each layer, 2 microbatches would do"),
            (1, "1 copy of each layer, 2 microbatches and 2 nodes would do"),
        ] {
            let plan = try Planner(profile: twoLayers)
                .untimedPlan(
                    nodes: nodes,
                    faultTolerance: 1,
                    microbatches: 1,
                    acceptsFewerCopies: true
                )
            #expect(plan.reason.contains(words))
        }
    }

    @Test("no microbatches is bad usage")
    func noMicrobatches() {
        let error = #expect(throws: OobleckError.self) {
            try Instantiator(
                templates: [],
                profile: twoLayers,
                costModel: .sosp23,
                microbatches: 0
            )
        }
        #expect(error?.code == .usage)
    }

    private var twoLayers: ModelProfile {
        let layer = LayerProfile(name: "l", forward: 1, backward: 2)
        return ModelProfile(model: "m", microbatchSize: 1, layers: [layer, layer])
    }
}

/// Tries every multiset of templates and every way to hand out the microbatches.
private struct BruteForce {
    let templates: [PipelineTemplate]
    let profile: ModelProfile

    func minimum(nodes: Int, microbatches: Int, pipelines: ClosedRange<Int>) -> Double? {
        var best: Double?
        func extend(_ from: Int, _ nodesLeft: Int, _ left: Int, _ count: Int, _ slowest: Double) {
            if nodesLeft == 0 && left == 0 && pipelines.contains(count) {
                best = min(best ?? .infinity, slowest + synchronization(pipelines: count))
            }
            guard nodesLeft > 0 && left > 0 else { return }
            for index in from..<max(from, templates.count)
            where templates[index].nodes <= nodesLeft {
                for microbatches in 1...left {
                    let time = time(templates[index], microbatches)
                    let rest = nodesLeft - templates[index].nodes
                    extend(index, rest, left - microbatches, count + 1, max(slowest, time))
                }
            }
        }
        extend(0, nodes, microbatches, 0, 0)
        return best
    }

    /// The random profiles have layer 0 measured among 2, 3 and 5 nodes.
    private func synchronization(pipelines: Int) -> Double {
        func measured(_ nodes: Int) -> Double {
            profile.layers[0].allReduceAcrossNodes[nodes]?.value ?? .nan
        }
        switch pipelines {
        case 1: return 0
        case 4: return (measured(3) + measured(5)) / 2
        case 6...: return measured(5) * (Double(pipelines - 1) / Double(pipelines)) / 0.8
        default: return measured(pipelines)
        }
    }

    private func time(_ template: PipelineTemplate, _ microbatches: Int) -> Double {
        let works = template.stages.map { $0.forward.value + $0.backward.value }
        let slowest = works.max() ?? .nan
        let k = works.lastIndex(of: slowest) ?? 0
        let total = works.reduce(0, +)
        let slots = Double(microbatches - works.count + k - 1)
        return max(total, total + works[k...].reduce(0, +) + slots * slowest)
    }
}
