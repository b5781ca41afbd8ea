import OobleckCore
import OobleckData
import OobleckTensor

extension ImportedNetwork {
    /// Domain of the seeds that initialise parameters.
    private static let initializationDomain: UInt64 = 10

    /// Gives a layer's parameters the values that the model's own code starts them with, or those that
    /// were imported.
    ///
    /// Draws are a pure function of the seed and the parameter's name, so that any worker makes the
    /// same layer, and all copies of a tied parameter come out equal.
    package func initialize(_ state: LayerState, seed: UInt64) throws {
        let description = model.manifest.layers[state.layer]
        let folder = ImportedFolder(model)
        let weights = try description.weights.map { name in
            try folder.requireDigest(name)
            return try folder.reader(of: name)
        }
        for (index, parameter) in description.parameters.enumerated() {
            let leaf = state.leaf(index)
            if parameter.initial.kind == .stored {
                let values = try folder.values(of: parameter, in: weights)
                try leaf.leaf(requiresGradient: false)
                    .copy(from: try Tensor.copying(values, shape: parameter.shape))
                continue
            }
            let word = UInt64(
                SHA256Hasher.hexadecimal(of: parameter.name).prefix(16),
                radix: 16
            )
            let drawn = mixedSeed(Self.initializationDomain, seed, word ?? 0)
            try fill(leaf, by: parameter.initial, seed: drawn)
            try zeroRows(parameter, of: state, index)
        }
    }

    private func fill(_ leaf: Tensor, by initial: InitialValue, seed: UInt64) throws {
        let (mean, deviation) = (initial.mean ?? 0, initial.deviation ?? 1)
        let range = (initial.low ?? 0)...max(initial.low ?? 0, initial.high ?? 1)
        switch initial.kind {
        case .normal: try leaf.fillNormal(mean: mean, deviation: deviation, seed: seed)
        case .truncatedNormal:
            try leaf.fillTruncatedNormal(
                mean: mean,
                deviation: deviation,
                range: range,
                seed: seed
            )
        case .uniform: try leaf.fillUniform(range, seed: seed)
        case .constant: try leaf.fill(initial.value ?? 0)
        case .stored: preconditionFailure("a stored value has no rule")
        }
    }

    private func zeroRows(
        _ parameter: ImportManifest.Parameter,
        of state: LayerState,
        _ index: Int
    ) throws {
        let (segment, entry) = state.location(index)
        let width = parameter.shape.dropFirst().reduce(1, *)
        for row in parameter.initial.zeroRows ?? [] {
            try segment.parameters.view(from: entry.offset + row * width, shape: [width]).fill(0)
        }
    }
}
