import OobleckCore
import OobleckData
import OobleckTensor

extension GPT2 {
    /// Domain of the seeds that initialise parameters.
    private static let initializationDomain: UInt64 = 1

    /// Gives a layer's parameters the values that the weights have, or those that follow from the seed.
    package func initialize(_ state: LayerState, seed: UInt64) throws {
        if let weights { try load(state, from: weights) } else { try draw(state, seed: seed) }
    }

    /// GPT-2's initialisation: normal with deviation 0.02 (residual projections divided by sqrt(2 *
    /// blocks)), ones for norms, zeros for biases.
    ///
    /// A pure function of seed and name, so that any worker makes the same layer, whatever of it is
    /// trained; both copies of a tied matrix come out equal.
    private func draw(_ state: LayerState, seed: UInt64) throws {
        for index in 0..<state.parameterCount {
            let (_, entry) = state.location(index)
            let name = entry.parameter.name
            let isTied = state.isTied(index)
            if entry.parameter.dimensions.count > 1 {
                let layerWord = isTied ? 0 : UInt64(state.layer)
                let indexWord = isTied ? 0 : UInt64(index)
                let seed = mixedSeed(Self.initializationDomain, seed, layerWord, indexWord)
                let isResidual = name.hasSuffix("c_proj.weight")
                let blocks = Double(specification.blocks)
                let deviation = isResidual ? 0.02 / (2 * blocks).squareRoot() : 0.02
                try entry.leaf.fillNormal(deviation: deviation, seed: seed)
            } else {
                let isNorm = name.contains("ln_") && name.hasSuffix(".weight")
                try entry.leaf.fill(isNorm ? 1 : 0)
            }
        }
    }

    /// A layer's parameters from a folder of GPT-2 weights; the moments stay zero.
    ///
    /// Throws `.inputData`, with the tensor's name, when one of its numbers is not finite.
    private func load(_ state: LayerState, from folder: WeightFolder) throws {
        for index in 0..<state.parameterCount {
            let (_, entry) = state.location(index)
            let values = try folder.parameter(entry.parameter, of: specification)
            try entry.leaf.leaf(requiresGradient: false)
                .copy(from: try Tensor.copying(values, shape: entry.parameter.dimensions))
        }
    }
}
