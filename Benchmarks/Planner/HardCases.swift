import Foundation
@_spi(Benchmarks) import OobleckTemplates
import OobleckValues

/// Looks for profiles that take the template search long: all sizes up to N nodes for each, in
/// seconds of the processor, which others on the machine lengthen little.
struct HardCases {
    /// How layers' times are spread.
    enum Shape: String, CaseIterable {
        case equal, uniform, bimodal, pareto, heavyEnds
        /// Backward passes of half to three times the forward pass.
        case ratios
    }

    /// 96 layers; the sizes are small numbers, so that limits of memory are as tight as they can be.
    func profile(_ shape: Shape, seed: UInt64, state: Int = 0, activation: Int = 0) -> ModelProfile
    {
        var random = SeededGenerator(state: seed)
        let layers = (0..<96).map { index in
            let uniform = Double.random(in: 0.01...1, using: &random)
            let isHeavy = Bool.random(using: &random)
            let ratio = Double.random(in: 0.5...3, using: &random)
            let forward =
                switch shape {
                case .equal: 0.3
                case .uniform: uniform
                case .bimodal: isHeavy ? 20 + uniform : uniform
                case .pareto: 1 / uniform
                case .heavyEnds: index == 0 ? 0.1 : index == 95 ? 4.7 : 1
                case .ratios: 0.5 + uniform
                }
            return LayerProfile(
                name: "layer.\(index)",
                forward: Seconds(forward),
                backward: Seconds((shape == .ratios ? ratio : 2) * forward),
                allReduceInNode: [2: 0.02, 4: 0.02, 8: 0.02],
                parameterBytes: ByteCount(state * Int.random(in: 1...9, using: &random)),
                gradientBytes: 0,
                activationBytes: ByteCount(activation * Int.random(in: 1...6, using: &random)),
                outputBytes: ByteCount(Int.random(in: 0...9, using: &random))
            )
        }
        return ModelProfile(model: shape.rawValue, microbatchSize: 1, layers: layers)
    }

    func run() throws {
        try memoryByChance(cases: 2_000)
        for shape in Shape.allCases {
            for seed in UInt64(1)...2 {
                try memory(shape, seed: seed)
                // Free links, slow ones, and ones with a long way: of a stage's time each.
                for (rate, latency) in [(Double?.none, Seconds?.none), (20, nil), (nil, 2), (3, 2)]
                {
                    var profile = profile(shape, seed: seed)
                    profile.linkBytesPerSecond = rate
                    profile.linkLatency = latency
                    let link =
                        "link of \(rate.map { "\($0) B/s" } ?? "no time"), "
                        + "latency \(latency?.value ?? 0) s"
                    try show(profile, nodes: 24, devices: 1, .schedule, "\(shape) \(seed), \(link)")
                }
            }
        }
    }

    /// From the least memory with which some plan exists upward.
    private func memory(_ shape: Shape, seed: UInt64) throws {
        for (state, activation) in [(100, 1), (100, 50), (10, 100)] {
            var profile = profile(shape, seed: seed, state: state, activation: activation)
            guard let least = try leastMemory(profile, nodes: 24, devices: 8) else { continue }
            for factor in [1, 1.05, 1.2, 1.4, 1.7, 2, 3] {
                profile.deviceMemory = ByteCount(Int(Double(least) * factor))
                let name = "\(shape) \(seed), \(factor) x the least memory, \(state):\(activation)"
                try show(profile, nodes: 24, devices: 8, .sosp23, name)
            }
        }
    }

    func show(
        _ profile: ModelProfile,
        nodes: Int,
        devices: Int,
        _ model: CostModel,
        _ name: String
    ) throws {
        let generator = try TemplateGenerator(
            profile: profile,
            devicesPerNode: devices,
            costModel: model
        )
        let start = ProcessorTime.now
        let result = try generator.templatesCountingStates(nodes: nodes, faultTolerance: 0)
        let seconds = ProcessorTime.now - start
        let templates = result.templates.templates
        let gaps = templates.compactMap { template in
            template.leastIteration.map { template.iteration.value / $0.value - 1 }
        }
        print(
            "{\"case\": \"\(name)\", \"cost_model\": \"\(model.rawValue)\", "
                + "\"devices_per_node\": \(devices), \"templates\": \(templates.count), "
                + "\"seconds\": \(String(format: "%.4f", seconds)), "
                + "\"tables\": \(result.count.tables), \"steps\": \(result.count.steps), "
                + "\"unproved\": \(gaps.count), \"greatest_gap\": \(gaps.max() ?? 0)}"
        )
    }
}
