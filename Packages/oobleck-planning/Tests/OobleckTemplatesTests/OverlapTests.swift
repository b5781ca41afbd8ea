import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

/// Cost model `schedule` against a simulation of the whole step, event by event.
@Suite(.timeLimit(.minutes(10))) struct OverlapTests {
    /// Measured among all counts that occur, so that nothing is interpolated.
    private func profile(
        _ random: inout SeededGenerator,
        layers: ClosedRange<Int>
    ) -> ModelProfile {
        var profile = ModelProfile.random(
            layers: Int.random(in: layers, using: &random),
            hasTies: Bool.random(using: &random),
            hasMemory: false,
            using: &random
        )
        let scale = [0.1, 1, 5][Int.random(in: 0..<3, using: &random)]
        func times() -> [Int: Seconds] {
            (2...20).reduce(into: [:]) { times, nodes in
                times[nodes] = Seconds(Double.random(in: 0...scale, using: &random))
            }
        }
        for layer in profile.layers.indices {
            profile.layers[layer].allReduceAcrossNodes = times()
            profile.layers[layer].outputBytes = ByteCount(Int.random(in: 0...9, using: &random))
        }
        if Bool.random(using: &random) { profile.linkBytesPerSecond = 4 }
        if Bool.random(using: &random) {
            profile.linkLatency = Seconds(Double.random(in: 0...2, using: &random))
        }
        if Bool.random(using: &random) {
            // A part of what layers 0 and last need, among as many nodes.
            let least = [profile.layers[0], profile.layers[profile.layers.count - 1]]
            profile.tiedAllReduceAcrossNodes = (2...20).reduce(into: [:]) { shared, nodes in
                let most = least.compactMap { $0.allReduceAcrossNodes[nodes]?.value }.min() ?? 0
                shared[nodes] = Seconds(Double.random(in: 0...max(most, 1e-9), using: &random))
            }
        }
        return profile
    }

    private func simulate(
        _ profile: ModelProfile,
        _ pipelines: [(template: PipelineTemplate, microbatches: Int)]
    ) -> StepSimulation {
        StepSimulation(
            profile: profile,
            lines: pipelines.map { pipeline in
                StepSimulation.Line(
                    stages: pipeline.template.stages.map { ($0.layers, $0.node, $0.devices) },
                    microbatches: pipeline.microbatches
                )
            },
            across: { $0[$1]?.value ?? .nan }
        )
    }

    @Test(
        "pipelines, hand-overs and sums take as long as in the simulation of the step",
        arguments: Seed.range(0..<300)
    )
    func step(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = profile(&random, layers: 2...8)
        let devices = [1, 2, 4].randomElement(using: &random)!
        let generator = try TemplateGenerator(
            profile: profile,
            devicesPerNode: devices,
            costModel: .schedule
        )
        let templates = (1...4).compactMap { generator.template(nodes: $0) }
        let sizes = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            templates.randomElement(using: &random)!.nodes
        }
        .sorted()
        let microbatches = Int.random(in: sizes.count...20, using: &random)
        let instantiator = try Instantiator(
            templates: templates,
            profile: profile,
            costModel: .schedule,
            microbatches: microbatches
        )
        let found = try #require(instantiator.instantiation(nodeCounts: sizes))
        let simulation = simulate(
            profile,
            zip(sizes, found.microbatches).map { size, count in
                (templates.first { $0.nodes == size }!, count)
            }
        )
        for (time, end) in zip(found.pipelineTimes, simulation.ends) {
            #expect(abs(time.value - end) <= 1e-12 * end, "\(seed)")
        }
        let end = simulation.end
        #expect(abs(found.step.value - end) <= 1e-12 * end, "\(seed): \(found.step.value) \(end)")
    }

    @Test(
        "no pipelines and microbatches have a shorter step than the plan",
        // In the last ones, the fastest pipelines are not those with the fastest step.
        arguments: Seed.range(0..<150) + [424, 449, 495, 522, 595].map { Seed(value: $0) }
    )
    func minimum(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = profile(&random, layers: 1...5)
        let generator = try TemplateGenerator(profile: profile, costModel: .schedule)
        let templates = (1...4).compactMap { generator.template(nodes: $0) }
        let nodes = Int.random(in: 1...6, using: &random)
        let microbatches = Int.random(in: 1...7, using: &random)
        let instantiator = try Instantiator(
            templates: templates,
            profile: profile,
            costModel: .schedule,
            microbatches: microbatches
        )
        var least: Double?
        var pipelines: [(template: PipelineTemplate, microbatches: Int)] = []
        func extend(_ from: Int, _ nodesLeft: Int, _ left: Int) {
            if nodesLeft == 0, left == 0 {
                least = min(least ?? .infinity, simulate(profile, pipelines).end)
            }
            guard nodesLeft > 0, left > 0 else { return }
            for index in from..<templates.count where templates[index].nodes <= nodesLeft {
                for count in 1...left {
                    pipelines.append((templates[index], count))
                    extend(index, nodesLeft - templates[index].nodes, left - count)
                    pipelines.removeLast()
                }
            }
        }
        extend(0, nodes, microbatches)
        let found = instantiator.instantiation(nodes: nodes)
        #expect((found == nil) == (least == nil), "\(seed)")
        guard let found, let least else { return }
        #expect(found.isProved, "\(seed)")
        #expect(abs(found.step.value - least) <= 1e-12 * least, "\(seed)")
    }

    @Test("sums of earlier layers hide behind backward passes; what is left is charged")
    func byHand() throws {
        // Two pipelines of one node, one microbatch each: F 1 + 1, B 2 + 2. Layer 1 is done at 4 and
        // summed until 4 + 3 = 7, layer 0 is done at 6 and summed until 7 + 1 = 8.
        var layers = [LayerProfile](
            repeating: LayerProfile(name: "l", forward: 1, backward: 2),
            count: 2
        )
        layers[0].allReduceAcrossNodes = [2: 1]
        layers[1].allReduceAcrossNodes = [2: 3]
        var profile = ModelProfile(model: "m", microbatchSize: 1, layers: layers)
        func instantiation(_ costModel: CostModel) throws -> Instantiation? {
            let template = try TemplateGenerator(profile: profile).template(nodes: 1)
            return try Instantiator(
                templates: [template].compactMap { $0 },
                profile: profile,
                costModel: costModel,
                microbatches: 2
            )
            .instantiation(nodes: 2)
        }
        #expect(try instantiation(.schedule)?.step == 8)
        #expect(try instantiation(.schedule)?.synchronization == 2)
        #expect(try instantiation(.sosp23)?.synchronization == 1)
        // 0.5 of both entries is the shared matrix, summed once among both nodes at the end.
        profile.tiedAllReduceAcrossNodes = [2: 0.5]
        #expect(try instantiation(.schedule)?.step == 7.5)
    }
}
