import OobleckSeeds
import OobleckValues

extension ModelProfile {
    /// A random profile.
    ///
    /// With `hasTies` the times are small integers, so that sums and halves are exact and equal
    /// stages are common; otherwise any numbers. With `hasMemory` the limit lies between what one
    /// layer needs and what all need.
    static func random(
        layers layerCount: Int,
        hasTies: Bool,
        hasMemory: Bool,
        using random: inout SeededGenerator
    ) -> ModelProfile {
        func time(_ random: inout SeededGenerator, upTo most: Int) -> Seconds {
            hasTies
                ? Seconds(Double(Int.random(in: 0...most, using: &random)))
                : Seconds(Double.random(in: 0...Double(most), using: &random))
        }
        var layers: [LayerProfile] = []
        for index in 0..<layerCount {
            var layer = LayerProfile(
                name: "layer \(index)",
                forward: time(&random, upTo: 4),
                backward: time(&random, upTo: 8)
            )
            for devices in [2, 4] { layer.allReduceInNode[devices] = time(&random, upTo: 1) }
            for nodes in [2, 3, 5] { layer.allReduceAcrossNodes[nodes] = time(&random, upTo: 3) }
            if hasMemory {
                layer.parameterBytes = ByteCount(Int.random(in: 0...5, using: &random))
                layer.gradientBytes = ByteCount(Int.random(in: 0...5, using: &random))
                layer.optimizerBytes = ByteCount(Int.random(in: 0...10, using: &random))
                layer.activationBytes = ByteCount(Int.random(in: 0...5, using: &random))
            }
            layers.append(layer)
        }
        let memory = hasMemory ? ByteCount(Int.random(in: 10...60, using: &random)) : nil
        return ModelProfile(
            model: "random",
            microbatchSize: 1,
            deviceMemory: memory,
            layers: layers
        )
    }
}
