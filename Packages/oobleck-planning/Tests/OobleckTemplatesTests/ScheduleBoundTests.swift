import OobleckSchedule
import OobleckSeeds
import OobleckValues
import Testing

@testable import OobleckTemplates

/// What the search for the least makespan relies on when it passes divisions over.
@Suite(.timeLimit(.minutes(10))) struct ScheduleBoundTests {
    /// Links from free to slower than any stage.
    private func stages(_ random: inout SeededGenerator) -> [StageTime] {
        let (hasBusy, hasLatency) = (Bool.random(using: &random), Bool.random(using: &random))
        return (0..<Int.random(in: 1...7, using: &random)).map { _ in
            StageTime(
                forward: Seconds(Double.random(in: 0.1...1, using: &random)),
                backward: Seconds(Double.random(in: 0.1...2, using: &random)),
                handover: Handover(
                    busy: Seconds(hasBusy ? Double.random(in: 0...2, using: &random) : 0),
                    latency: Seconds(hasLatency ? Double.random(in: 0...3, using: &random) : 0)
                )
            )
        }
    }

    @Test(
        "no path through last stages is longer than their makespan, and mostly one is as long",
        arguments: [0, 1]
    )
    func label(spare: Int) {
        var reached = 0
        for seed in Seed.range(0..<1_000) {
            var random = SeededGenerator(seed)
            let stages = stages(&random)
            let microbatches = 4 * (stages.count + spare)
            let isFree = stages.allSatisfy { $0.handover == .free }
            var label = ScheduleLabel(horizon: isFree ? stages.count + 2 : microbatches)
            for stage in stages.reversed() {
                _ = label.prepend(stage, microbatches: microbatches)
            }
            let exact = OneForwardOneBackward.makespan(stages: stages, microbatches: microbatches)
                .value
            #expect(label.own <= exact * (1 + 1e-12), "\(seed)")
            if label.own >= exact * (1 - 1e-12) { reached += 1 }
        }
        #expect(reached > 800)
    }

    @Test(
        "a search that ends early says what no division stays below, and is right about it",
        arguments: Seed.range(0..<60)
    )
    func early(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = TemplateExactnessTests.profile(seed, using: &random)
        let devices = [1, 2].randomElement(using: &random)!
        let exhaustive = ExhaustiveTemplates(
            profile: profile,
            devicesPerNode: devices,
            costModel: .schedule
        )
        let costs = try StageCosts(profile: profile, devicesPerNode: devices)
        let generator = try TemplateGenerator(profile: profile, devicesPerNode: devices)
        for nodes in 1...4 {
            guard let start = generator.template(nodes: nodes) else { continue }
            var search = ScheduleSearch(
                costs: costs,
                stages: SearchStages(costs: costs),
                nodes: nodes,
                start: start,
                stepLimit: 1
            )
            let problem = ScheduleProblem(
                costs: costs,
                stages: SearchStages(costs: costs),
                nodes: nodes
            )
            let found = problem.makespan(search.division())
            let minimum = try #require(exhaustive.minimum(nodes: nodes))
            #expect(found >= minimum * (1 - 1e-12))
            if let least = search.least {
                #expect(least <= minimum * (1 + 1e-12))
                #expect(least < found)
            } else {
                #expect(found <= minimum * (1 + 1e-12))
            }
        }
    }

    @Test("the early searches above leave some divisions unproved")
    func earlyControl() throws {
        let outputs = [0, 1, 5, 6, 5, 0, 0, 0, 5, 1]
        let profile = ModelProfile(
            model: "m",
            microbatchSize: 1,
            linkBytesPerSecond: 3,
            linkLatency: 2,
            layers: outputs.map {
                LayerProfile(name: "l", forward: 0.3, backward: 0.6, outputBytes: ByteCount($0))
            }
        )
        let costs = try StageCosts(profile: profile, devicesPerNode: 1)
        let start = try #require(try TemplateGenerator(profile: profile).template(nodes: 4))
        for (limit, isProved) in [(1, false), (SearchEffort.bounded.templateSteps, true)] {
            var search = ScheduleSearch(
                costs: costs,
                stages: SearchStages(costs: costs),
                nodes: 4,
                start: start,
                stepLimit: limit
            )
            _ = search.division()
            #expect((search.least == nil) == isProved)
        }
    }

    @Test("an exhaustive search goes on where a bounded one ends; both find the same")
    func effort() throws {
        let (bounded, exhaustive) = (SearchEffort.bounded, SearchEffort.exhaustive)
        #expect(exhaustive.templateSteps > 1_000_000 * bounded.templateSteps)
        for seed in Seed.range(0..<40) {
            var random = SeededGenerator(seed)
            let profile = TemplateExactnessTests.profile(seed, using: &random)
            let generators = try [bounded, exhaustive].map {
                try TemplateGenerator(profile: profile, costModel: .schedule, effort: $0)
            }
            for nodes in 1...4 {
                let found = generators.map { $0.template(nodes: nodes) }
                #expect(found[0] == found[1])
                #expect(found[1]?.leastIteration == nil)
            }
        }
    }
}
