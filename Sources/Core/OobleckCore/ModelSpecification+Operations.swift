extension ModelSpecification {
    /// Floating-point operations of one sample in a training step; `nil` where they are not known.
    ///
    /// Those of the model, as is usual for utilization: matrix products alone, the backward pass at twice the
    /// forward pass, and what is computed again for want of memory not counted.
    package var operationsPerSample: Double? { gpt2?.operationsPerSample }
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
