import OobleckCore
import OobleckPlanning
import OobleckTestSupport
import Testing

@testable import OobleckArtifact

@Suite(.timeLimit(.minutes(10))) struct DivisionBoundsTests {
    private func bounds(_ seed: Seed, layers: Int) -> DivisionBounds {
        var random = SeededGenerator(seed)
        // Few distinct times, so that stages tie.
        return DivisionBounds(
            work: (0..<layers).map { _ in Double(Int.random(in: 1...6, using: &random)) }
        )
    }

    /// All divisions of layers into stages, as the sums of their stages.
    private func divisions(_ work: [Double], _ stages: Int) -> [[Double]] {
        guard stages > 1 else { return [[work.reduce(0, +)]] }
        return (1...work.count - stages + 1).flatMap { first in
            divisions(Array(work.dropFirst(first)), stages - 1).map { rest in
                [work.prefix(first).reduce(0, +)] + rest
            }
        }
    }

    /// T as the paper writes it, from the stages' times alone.
    private func iteration(_ stages: [Double]) -> Double {
        let slowest = stages.max() ?? 0
        let place = stages.lastIndex(of: slowest) ?? 0
        let microbatches = 4 * stages.count
        return stages.reduce(0, +) + Double(microbatches - stages.count + place - 1) * slowest
            + stages[place...].reduce(0, +)
    }

    @Test(
        "both ways to the least T agree with the formula over all divisions",
        arguments: Seed.range(0..<30)
    )
    func leastIteration(seed: Seed) {
        let bounds = bounds(seed, layers: 9)
        for stages in 1...9 {
            let all = divisions(bounds.work, stages)
            #expect(all.count == DivisionBounds.divisions(layers: 9, stages: stages), "\(seed)")
            let least = all.map(iteration).min()
            #expect(bounds.leastIteration(stages: stages) == least, "\(seed), \(stages) stages")
            #expect(bounds.leastIterationOneByOne(stages: stages) == least, "\(seed)")
        }
    }

    @Test("the least slowest stage is that of all divisions", arguments: Seed.range(0..<30))
    func leastSlowest(seed: Seed) {
        let bounds = bounds(seed, layers: 9)
        for stages in 1...9 {
            let least = divisions(bounds.work, stages).compactMap { $0.max() }.min()
            #expect(bounds.leastSlowest(stages: stages) == least, "\(seed), \(stages) stages")
            #expect(bounds.idealSlowest(stages: stages) <= bounds.leastSlowest(stages: stages))
        }
    }

    @Test("a pipeline's time is the planner's, though written down anew")
    func pipelineTimes() throws {
        let generator = try TemplateGenerator(profile: PublishedProfiles.random)
        for nodes in [1, 3, 7, 12] {
            let template = try #require(generator.template(nodes: nodes))
            for microbatches in [1, 2, nodes, 100, 4096] {
                let ours = PlanBounds.time(template, microbatches: microbatches)
                let planned = template.pipelineTime(
                    microbatches: microbatches,
                    costModel: .sosp23
                )
                #expect(abs(ours - planned.value) <= 1e-9 * ours)
            }
        }
    }

    @Test("the least step is that of all ways to give each pipeline its microbatches")
    func leastStep() throws {
        let generator = try TemplateGenerator(profile: PublishedProfiles.random)
        let templates = try (2...4).map { try #require(generator.template(nodes: $0)) }
        let bounds = PlanBounds(templates: templates, synchronization: 0.5)
        // 6 nodes in at least two pipelines: 2+2+2, 3+3, 2+4.
        let found = bounds.leastStep(nodes: 6, pipelines: 2, microbatches: 20)
        #expect(found.plans == 3)
        func time(_ nodes: Int, _ microbatches: Int) -> Double {
            PlanBounds.time(templates[nodes - 2], microbatches: microbatches)
        }
        var least = Double.infinity
        for first in 1..<20 {
            least = min(least, max(time(3, first), time(3, 20 - first)))
            least = min(least, max(time(2, first), time(4, 20 - first)))
            for second in 1..<20 where first + second < 20 {
                let third = 20 - first - second
                least = min(least, max(time(2, first), time(2, second), time(2, third)))
            }
        }
        #expect(abs(found.step - least - 0.5) < 1e-9)
    }
}
