import CTorch
import OobleckCore

extension Tensor {
    private func unary(
        _ body: (OpaquePointer, inout OpaquePointer?) -> CTStatus
    ) throws -> Tensor {
        try withHandle { input in Tensor(owning: try produce { body(input, &$0) }) }
    }

    private func binary(
        _ other: Tensor,
        _ body: (OpaquePointer, OpaquePointer, inout OpaquePointer?) -> CTStatus
    ) throws -> Tensor {
        try withHandle { left in
            try other.withHandle { right in
                Tensor(owning: try produce { body(left, right, &$0) })
            }
        }
    }

    /// Elementwise sum, with broadcasting.
    package func adding(_ other: Tensor) throws -> Tensor {
        try binary(other) { ct_add($0, $1, &$2) }
    }

    /// Rows of `self` `[vocabulary, hidden]` picked by `indices` `[...]`: `[..., hidden]`.
    package func rows(at indices: Tensor) throws -> Tensor {
        try binary(indices) { ct_embedding($0, $1, &$2) }
    }

    /// The first `count` rows of `self` `[rows, hidden]`, which shares their storage: itself when it
    /// has no more.
    package func firstRows(_ count: Int) throws -> Tensor {
        guard shape[0] > count else { return self }
        return try unary { ct_first_rows($0, Int64(count), &$1) }
    }

    /// Layer normalisation over the last dimension.
    package func layerNorm(weight: Tensor, bias: Tensor, epsilon: Double) throws -> Tensor {
        try weight.withHandle { weight in
            try binary(bias) { ct_layer_norm($0, weight, $1, epsilon, &$2) }
        }
    }

    /// `self` `[..., in]` times `weight` `[in, out]` plus `bias` `[out]`.
    package func affine(weight: Tensor, bias: Tensor) throws -> Tensor {
        try weight.withHandle { weight in
            try binary(bias) { ct_affine($0, weight, $1, &$2) }
        }
    }

    /// `self` `[..., in]` times the transpose of `weight` `[out, in]`.
    package func projected(by weight: Tensor) throws -> Tensor {
        try binary(weight) { ct_project($0, $1, &$2) }
    }

    /// An activation, element by element.
    package func activated(by activation: ModelVariant.Activation) throws -> Tensor {
        let function =
            switch activation {
            case .tanhGELU: CT_GELU_TANH
            case .gelu: CT_GELU
            case .relu: CT_RELU
            case .silu: CT_SILU
            case .tanh: CT_TANH
            case .quickGELU: CT_QUICK_GELU
            }
        return try unary { ct_activation($0, function, &$1) }
    }

    /// The same numbers as another type, rounded where that has fewer digits; itself if it is of that type.
    package func cast(to type: ElementType) throws -> Tensor {
        try unary { ct_cast($0, type.shimType, &$1) }
    }

    /// Each element times a factor, cut off from gradients.
    package func scaled(by factor: Double) throws -> Tensor {
        try unary { ct_scale($0, factor, &$1) }
    }

    /// Zeroes elements with the given probability and scales the rest; keyed by the seed of
    /// this thread's dropout.
    ///
    /// The identity at probability zero.
    package func dropout(_ probability: Double) throws -> Tensor {
        guard probability > 0 else { return self }
        return try unary { ct_dropout($0, probability, &$1) }
    }

    /// Causal scaled dot-product attention of `[batch, sequence, 3 * hidden]`, queries, keys and
    /// values side by side: `[batch, sequence, hidden]`.
    ///
    /// `scale` multiplies the scores.
    package func causalAttention(heads: Int, scale: Double, dropout: Double) throws -> Tensor {
        try unary { ct_causal_attention($0, Int32(heads), scale, dropout, &$1) }
    }

    /// Mean cross entropy of logits `[batch, sequence, vocabulary]` against `[batch, sequence]`.
    package func crossEntropy(targets: Tensor) throws -> Tensor {
        try binary(targets) { ct_cross_entropy($0, $1, &$2) }
    }

    /// Gradients of this tensor with respect to `inputs`, in their order.
    ///
    /// `seed` is the gradient of this tensor itself; a scalar's is 1. Frees the graph.
    package func gradients(of inputs: [Tensor], seed: Tensor?) throws -> [Tensor] {
        try Tensor.gradients(of: [self], seeds: seed.map { [$0] } ?? [], withRespectTo: inputs)
    }

    /// Gradients of `outputs` with respect to `inputs`, in their order; zeros where no output depends
    /// on one.
    ///
    /// `seeds` are the gradients of the outputs themselves, one for each; with none, they are scalars
    /// whose gradients are 1. Frees the graph.
    package static func gradients(
        of outputs: [Tensor],
        seeds: [Tensor],
        withRespectTo inputs: [Tensor]
    ) throws -> [Tensor] {
        precondition(
            seeds.isEmpty || seeds.count == outputs.count,
            "\(seeds.count) seeds for \(outputs.count) outputs"
        )
        var results = [OpaquePointer?](repeating: nil, count: inputs.count)
        try withExtendedLifetime((outputs, seeds, inputs)) {
            let seedHandles = seeds.map(\.bareHandle)
            try seedHandles.withUnsafeBufferPointer { seedHandles in
                try check(
                    unsafe ct_gradients(
                        outputs.map(\.bareHandle),
                        seeds.isEmpty ? nil : seedHandles.baseAddress,
                        Int32(outputs.count),
                        inputs.map(\.bareHandle),
                        Int32(inputs.count),
                        &results
                    )
                )
            }
        }
        return results.map { handle in
            guard let handle else { preconditionFailure("the shim returned no gradient") }
            return Tensor(owning: handle)
        }
    }
}
