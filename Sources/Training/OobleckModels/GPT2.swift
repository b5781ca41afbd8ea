import OobleckCore
import OobleckData
import OobleckTensor

/// GPT-2 as a list of layers: embedding, pre-norm blocks, final norm with the head.
package struct GPT2 {
    package let specification: GPT2Specification
    /// What it starts from; `nil` is the seed.
    let weights: WeightFolder?

    package init(_ specification: GPT2Specification, weights: WeightFolder? = nil) {
        self.specification = specification
        self.weights = weights
    }

    package var layerCount: Int { specification.layerCount }

    /// Whether a layer is the last, whose result is the loss.
    package func isHead(_ layer: Int) -> Bool { layer == layerCount - 1 }

    /// The embedding of `tokens` `[microbatch, sequence]`: `[microbatch, sequence, hidden]`.
    package func embed(_ tokens: Tensor, _ state: LayerState) throws -> Tensor {
        try state.leaf(0).rows(at: tokens)
            .adding(try state.leaf(1).firstRows(specification.sequenceLength))
            .dropout(specification.dropout)
    }

    /// One block on `input` `[microbatch, sequence, hidden]`; the result has the same shape.
    package func block(_ input: Tensor, _ state: LayerState) throws -> Tensor {
        let dropout = specification.dropout
        let attended =
            try norm(input, state, 0)
            .affine(weight: state.leaf(2), bias: state.leaf(3))
            .causalAttention(
                heads: specification.heads,
                scale: specification.attentionScale(ofBlock: state.layer - 1),
                dropout: dropout
            )
            .affine(weight: state.leaf(4), bias: state.leaf(5))
            .dropout(dropout)
        let middle = try input.adding(attended)
        let expanded =
            try norm(middle, state, 6)
            .affine(weight: state.leaf(8), bias: state.leaf(9))
            .activated(by: specification.variant.activation)
            .affine(weight: state.leaf(10), bias: state.leaf(11))
            .dropout(dropout)
        return try middle.adding(expanded)
    }

    /// Logits `[microbatch, sequence, vocabulary]` of the last block's output.
    package func logits(_ input: Tensor, _ state: LayerState) throws -> Tensor {
        try norm(input, state, 0).projected(by: state.leaf(2))
    }

    /// Layer normalisation by the parameters at `first` (weight) and behind it (bias).
    private func norm(_ input: Tensor, _ state: LayerState, _ first: Int) throws -> Tensor {
        try input.layerNorm(
            weight: state.leaf(first),
            bias: state.leaf(first + 1),
            epsilon: specification.variant.normEpsilon
        )
    }

    /// Mean loss of the last block's output against `targets` `[microbatch, sequence]`.
    package func loss(_ input: Tensor, targets: Tensor, _ state: LayerState) throws -> Tensor {
        try logits(input, state).crossEntropy(targets: targets)
    }
}
