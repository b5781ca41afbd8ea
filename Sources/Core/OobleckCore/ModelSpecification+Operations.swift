extension ModelSpecification {
    /// Floating-point operations of one sample in a training step; `nil` where they are not known.
    ///
    /// Those of the model, as is usual for utilization: matrix products alone, the backward pass at twice the
    /// forward pass, and what is computed again for want of memory not counted.
    package var operationsPerSample: Double? {
        switch self {
        case .gpt2(let model): model.operationsPerSample
        case .imported(let model): model.manifest.operationsPerSample
        }
    }
}

extension ImportManifest {
    /// Those that the import counted in the layers' forward passes, three times: the products and convolutions of
    /// each graph by their shapes (`Python/oobleck/operations.py`); `nil` where a layer has no count.
    var operationsPerSample: Double? {
        let counts = layers.compactMap(\.operations)
        guard counts.count == layers.count, microbatch > 0 else { return nil }
        return counts.reduce(0.0) { $0 + 3 * Double($1) } / Double(microbatch)
    }
}

extension GPT2Specification {
    /// Narayanan et al., "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM" (2021),
    /// equation 3, without its factor for activations that are computed again: a multiplication with an addition
    /// is two operations, and attention counts as if it were not causal.
    var operationsPerSample: Double {
        let (tokens, width, inner) = (Double(sequenceLength), Double(hidden), Double(innerSize))
        let projections = 8 * tokens * width * width
        let attention = 4 * tokens * tokens * width
        let feedForward = 4 * tokens * width * inner
        let head = 2 * tokens * width * Double(vocabulary)
        return 3 * (Double(blocks) * (projections + attention + feedForward) + head)
    }
}
