import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

/// The search against exhaustive search on profiles that are hard to prune.
@Suite(.timeLimit(.minutes(10))) struct TemplateExactnessTests {
    /// How the layers' times are spread.
    enum Shape: CaseIterable {
        /// All alike, but a cheap first and a heavy last layer.
        case heavyEnds
        /// All alike: ties everywhere.
        case equal
        /// Multiples of 0.1: sums that are equal but for rounding.
        case tenths
        case bimodal
        case pareto
        case uniform

        func times(_ count: Int, using random: inout SeededGenerator) -> [Double] {
            (0..<count).map { layer in
                let uniform = Double.random(in: 0.01...1, using: &random)
                switch self {
                case .heavyEnds: return layer == 0 ? 0.1 : layer == count - 1 ? 4.7 : 1
                case .equal: return 0.3
                case .tenths: return Double(Int.random(in: 0...3, using: &random)) * 0.1
                case .bimodal: return Bool.random(using: &random) ? uniform : 20 + uniform
                case .pareto: return 1 / uniform
                case .uniform: return uniform
                }
            }
        }
    }

    /// A profile of that shape: all-reduces from free to dear, memory from ample to none.
    static func profile(_ seed: Seed, using random: inout SeededGenerator) -> ModelProfile {
        let shape = Shape.allCases[Int(seed.value) % Shape.allCases.count]
        let most = Proof.isFull ? 10 : 8
        let times = shape.times(Int.random(in: 1...most, using: &random), using: &random)
        let reduction = [0, 0.02, 0.2, 1][Int.random(in: 0..<4, using: &random)]
        let hasMemory = Int.random(in: 0..<3, using: &random) == 0
        let layers = times.enumerated().map { index, time in
            var layer = LayerProfile(
                name: "layer \(index)",
                forward: Seconds(time),
                backward: Seconds(2 * time)
            )
            for devices in [2, 4] {
                let spread = shape == .uniform ? Double.random(in: 0...2, using: &random) : 1
                layer.allReduceInNode[devices] = Seconds(reduction * spread)
            }
            layer.outputBytes = ByteCount(Int.random(in: 0...9, using: &random))
            if hasMemory {
                layer.parameterBytes = ByteCount(Int.random(in: 0...9, using: &random))
                layer.activationBytes = ByteCount(Int.random(in: 0...6, using: &random))
            }
            return layer
        }
        let memory = Int.random(in: 6...40, using: &random)
        // Links from free to slower than most stages.
        let rate: Double? = [nil, nil, 3, 20, 200][Int.random(in: 0..<5, using: &random)]
        let latency: Double? = [nil, nil, 0.01, 0.3, 2][Int.random(in: 0..<5, using: &random)]
        return ModelProfile(
            model: "\(shape)",
            microbatchSize: 1,
            deviceMemory: hasMemory ? ByteCount(memory) : nil,
            linkBytesPerSecond: rate,
            linkLatency: latency.map { Seconds($0) },
            layers: layers
        )
    }

    @Test(
        "no division has less T than the template, whatever the spread of times and memory",
        arguments: Proof.seeds
    )
    func minimum(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = Self.profile(seed, using: &random)
        let devicesPerNode = [1, 2, 4].randomElement(using: &random)!
        for costModel in CostModel.allCases {
            let generator = try TemplateGenerator(
                profile: profile,
                devicesPerNode: devicesPerNode,
                costModel: costModel
            )
            let exhaustive = ExhaustiveTemplates(
                profile: profile,
                devicesPerNode: devicesPerNode,
                costModel: costModel
            )
            // One search for all sizes, and one for each alone.
            let most = Proof.isFull ? 5 : 4
            let set = try? generator.templates(nodes: most, faultTolerance: 0)
            let single = Int.random(in: 1...most, using: &random)
            for nodes in devicesPerNode == 4 ? [single] : Array(1...most) {
                let template = set?.template(nodes: nodes)
                let before = exhaustive.divisions.count
                let complaints = exhaustive.complaints(template, nodes: nodes)
                #expect(complaints == [], "\(seed), \(nodes) nodes, \(costModel)")
                #expect(generator.template(nodes: nodes) == template, "\(seed)")
                try Proof.note(
                    devicesPerNode,
                    costModel,
                    divisions: exhaustive.divisions.count - before
                )
            }
        }
    }

    @Test("what lies behind a stage includes the hand-over to the stage after it")
    func handoverBehindStage() throws {
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
        let template = try TemplateGenerator(profile: profile, costModel: .schedule)
            .template(nodes: 4)
        let exhaustive = ExhaustiveTemplates(
            profile: profile,
            devicesPerNode: 1,
            costModel: .schedule
        )
        #expect(exhaustive.complaints(template, nodes: 4) == [])
    }

    @Test("the comparison notices a division that is not the best, and a T that is not its own")
    func control() throws {
        let layers = [1.0, 2, 3, 1].map {
            LayerProfile(name: "\($0)", forward: Seconds($0), backward: Seconds($0))
        }
        let profile = ModelProfile(model: "m", microbatchSize: 1, layers: layers)
        let exhaustive = ExhaustiveTemplates(
            profile: profile,
            devicesPerNode: 1,
            costModel: .sosp23
        )
        /// Two nodes, the second from layer `cut` on.
        func template(cut: Int) -> PipelineTemplate {
            let stages = [0..<cut, cut..<4].enumerated().map { node, layers in
                let times = exhaustive.times(layers, devices: 1)
                return StageTemplate(
                    firstLayer: layers.lowerBound,
                    endLayer: layers.upperBound,
                    node: node,
                    devices: 1,
                    forward: Seconds(times.forward),
                    backward: Seconds(times.backward)
                )
            }
            let iteration = iterationTime(stages: stages, costModel: .sosp23)
            return PipelineTemplate(nodes: 2, iteration: iteration, stages: stages)
        }
        // w = 6, 8: T = 14 + 6 * 8 + 8 = 70; w = 12, 2: T = 14 + 5 * 12 + 14 = 88.
        #expect(exhaustive.complaints(template(cut: 2), nodes: 2) == [])
        #expect(exhaustive.complaints(template(cut: 3), nodes: 2) == ["least T"])
        #expect(exhaustive.complaints(template(cut: 1), nodes: 2) == ["least T"])
        let right = template(cut: 2)
        let wrong = PipelineTemplate(
            nodes: 2,
            iteration: Seconds(right.iteration.value * (1 + 1e-10)),
            stages: right.stages
        )
        #expect(exhaustive.complaints(wrong, nodes: 2) == ["least T", "T of its stages"])
        #expect(exhaustive.complaints(nil, nodes: 2) == ["existence"])
    }
}
