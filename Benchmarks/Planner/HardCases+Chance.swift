import Foundation
import OobleckTemplates
import OobleckValues

extension HardCases {
    /// Memory that binds on 24 nodes of 8 devices, and all else by chance.
    func memoryByChance(cases: Int) throws {
        for seed in 1...UInt64(cases) {
            var random = SeededGenerator(state: seed)
            var profile = profile(using: &random)
            guard let least = try leastMemory(profile, nodes: 24, devices: 8) else { continue }
            let factor = exp(Double.random(in: 0...1.4, using: &random))
            profile.deviceMemory = ByteCount(Int(Double(least) * factor))
            let model = Bool.random(using: &random) ? CostModel.sosp23 : .sosp23Artifact
            let name = "chance \(seed), \((100 * factor).rounded() / 100) x the least memory"
            try show(profile, nodes: 24, devices: 8, model, name)
        }
    }

    /// 96 layers whose times, parameters and activations spread up to a hundredfold each; sizes
    /// follow the times, or the other way, or neither.
    private func profile(using random: inout SeededGenerator) -> ModelProfile {
        /// From 1 to `ratio`, every decade as likely.
        func spread(_ ratio: Double) -> Double {
            pow(ratio, Double.random(in: 0...1, using: &random))
        }
        let (time, parameters, activation) = (spread(100), spread(100), spread(100))
        let activationShare = Double.random(in: 0...1, using: &random)
        let reduction = Seconds(0.001 * spread(300))
        let following = Int.random(in: -1...1, using: &random)
        let layers = (0..<96).map { index in
            let forward = spread(time)
            let size = following == 0 ? 1 : following > 0 ? forward : time / forward
            let resident = 1_000 * (1 - activationShare) * spread(parameters) * size
            let kept = 20 * activationShare * spread(activation) * size
            return LayerProfile(
                name: "layer.\(index)",
                forward: Seconds(forward),
                backward: Seconds(2 * forward),
                allReduceInNode: [2: reduction, 4: 1.5 * reduction, 8: 1.75 * reduction],
                parameterBytes: ByteCount(Int(resident)),
                gradientBytes: 0,
                activationBytes: ByteCount(Int(kept))
            )
        }
        return ModelProfile(model: "chance", microbatchSize: 1, layers: layers)
    }

    /// The least memory of a device with which some plan exists.
    func leastMemory(_ profile: ModelProfile, nodes: Int, devices: Int) throws -> Int? {
        var profile = profile
        let most = 1_000_000_000
        var (low, high) = (0, most)
        while low + 1 < high {
            profile.deviceMemory = ByteCount((low + high) / 2)
            let generator = try TemplateGenerator(profile: profile, devicesPerNode: devices)
            let fits = generator.minimumNodes(upTo: nodes) != nil
            (low, high) = fits ? (low, (low + high) / 2) : ((low + high) / 2, high)
        }
        return high == most ? nil : high
    }
}
