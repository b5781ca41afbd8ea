/// What a GPT-2 may have otherwise than the published ones, besides its sizes.
///
/// Names and defaults are those of `GPT2Config` of the `transformers` package.
package struct ModelVariant: Hashable, Sendable {
    /// The activation of the feed-forward part.
    package enum Activation: String, Sendable, Codable, CaseIterable {
        /// GELU in its tanh approximation.
        case tanhGELU = "gelu_new"
        case gelu
        case relu
        case silu
        case tanh
        case quickGELU = "quick_gelu"
    }

    /// Whether the head is the token embedding; otherwise it has a parameter of its own.
    package var tiesHead = true
    /// Rows of the position embedding; `nil` is one for each token of a sample.
    package var positions: Int?
    /// Width of the feed-forward part; `nil` is four times the hidden size.
    package var inner: Int?
    package var activation = Activation.tanhGELU
    package var normEpsilon = 1e-5
    /// Whether attention scores are divided by the square root of a head's width.
    package var scalesAttention = true
    /// Whether they are also divided by the number of the block, counted from one.
    package var scalesAttentionByBlock = false

    /// The published GPT-2.
    package static let published = ModelVariant()

    package init() {}
}

extension ModelVariant: Codable {
    private enum CodingKeys: String, CodingKey {
        case tiesHead = "tie_word_embeddings"
        case positions = "n_positions"
        case inner = "n_inner"
        case activation = "activation_function"
        case normEpsilon = "layer_norm_epsilon"
        case scalesAttention = "scale_attn_weights"
        case scalesAttentionByBlock = "scale_attn_by_inverse_layer_idx"
    }

    /// What is not named is as in the published GPT-2.
    package init(from decoder: any Decoder) throws {
        self.init()
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, _ value: inout Value) throws {
            value = try fields.decodeIfPresent(Value.self, forKey: key) ?? value
        }
        try read(.tiesHead, &tiesHead)
        positions = try fields.decodeIfPresent(Int.self, forKey: .positions)
        inner = try fields.decodeIfPresent(Int.self, forKey: .inner)
        try read(.activation, &activation)
        try read(.normEpsilon, &normEpsilon)
        try read(.scalesAttention, &scalesAttention)
        try read(.scalesAttentionByBlock, &scalesAttentionByBlock)
    }
}
