import OobleckCore
import OobleckData
import OobleckTensor

/// Mixes words into a seed, so that every use of randomness has its own (SplitMix64's finaliser).
package func mixedSeed(_ words: UInt64...) -> UInt64 {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for word in words {
        state = (state ^ word) &+ 0x9E37_79B9_7F4A_7C15
        state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
        state ^= state >> 31
    }
    return state
}

extension LayerState {
    /// Domain of the seeds that initialise parameters.
    private static let initializationDomain: UInt64 = 1

    /// GPT-2's initialisation: normal with deviation 0.02 (residual projections divided by sqrt(2 *
    /// blocks)), ones for norms, zeros for biases.
    ///
    /// A pure function of seed and name, so that any worker makes the same layer; both copies of
    /// a tied matrix come out equal.
    package func initialize(seed: UInt64, model: ModelSpecification) throws {
        for index in 0..<parameterCount {
            let (_, entry) = location(index)
            let name = entry.parameter.name
            let isTied = ParameterLayout.isTied(entry.parameter, in: model)
            if entry.parameter.dimensions.count > 1 {
                let layerWord = isTied ? 0 : UInt64(layer)
                let indexWord = isTied ? 0 : UInt64(index)
                let seed = mixedSeed(Self.initializationDomain, seed, layerWord, indexWord)
                let isResidual = name.hasSuffix("c_proj.weight")
                let deviation = isResidual ? 0.02 / (2 * Double(model.blocks)).squareRoot() : 0.02
                try entry.leaf.fillNormal(deviation: deviation, seed: seed)
            } else {
                let isNorm = name.contains("ln_") && name.hasSuffix(".weight")
                try entry.leaf.fill(isNorm ? 1 : 0)
            }
        }
    }

    /// Parameters from a folder of GPT-2 weights; the moments stay zero.
    ///
    /// Throws `.inputData`, with the tensor's name, when one of its numbers is not finite.
    package func load(from folder: WeightFolder, model: ModelSpecification) throws {
        for index in 0..<parameterCount {
            let (_, entry) = location(index)
            let values = try folder.parameter(entry.parameter, of: model)
            try entry.leaf.leaf(requiresGradient: false)
                .copy(from: try Tensor.copying(values, shape: entry.parameter.dimensions))
        }
    }
}
