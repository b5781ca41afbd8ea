import OobleckCore

/// `config.json` of a GPT-2 as the `transformers` package reads and writes it (`GPT2Config`).
package struct GPT2Configuration: Hashable, Sendable {
    /// Sizes and variant; the number of positions stands as sequence length too.
    package let model: GPT2Specification
    package var attentionDropout: Double
    package var embeddingDropout: Double
    package var residualDropout: Double
    /// Keys that neither this program nor the package's GPT-2 know; both ignore them.
    package var unknownKeys: [String] = []

    /// The configuration of a model of ours, whose dropout is the same everywhere.
    package init(_ model: GPT2Specification) {
        self.model = model
        attentionDropout = model.dropout
        embeddingDropout = model.dropout
        residualDropout = model.dropout
    }

    /// The one dropout of the model; `nil` when attention, embedding and residuals have different
    /// ones, which we cannot compute.
    package var dropout: Double? {
        Set([attentionDropout, embeddingDropout, residualDropout]).count == 1
            ? residualDropout : nil
    }
}

extension GPT2Configuration: Encodable {
    private enum CodingKeys: String, CodingKey {
        case activationFunction = "activation_function"
        case architectures
        case attentionDropout = "attn_pdrop"
        case embeddingDropout = "embd_pdrop"
        case residualDropout = "resid_pdrop"
        case initializerRange = "initializer_range"
        case normEpsilon = "layer_norm_epsilon"
        case modelType = "model_type"
        case vocabulary = "vocab_size"
        case hidden = "n_embd"
        case heads = "n_head"
        case blocks = "n_layer"
        case positions = "n_positions"
        case inner = "n_inner"
        case scalesAttention = "scale_attn_weights"
        case scalesAttentionByBlock = "scale_attn_by_inverse_layer_idx"
        case tiesHead = "tie_word_embeddings"
        case elementType = "torch_dtype"
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        let variant = model.variant
        try fields.encode("gpt2", forKey: .modelType)
        try fields.encode(["GPT2LMHeadModel"], forKey: .architectures)
        try fields.encode("float32", forKey: .elementType)
        try fields.encode(0.02, forKey: .initializerRange)
        try fields.encode(model.vocabulary, forKey: .vocabulary)
        try fields.encode(model.hidden, forKey: .hidden)
        try fields.encode(model.heads, forKey: .heads)
        try fields.encode(model.blocks, forKey: .blocks)
        try fields.encode(model.positionCount, forKey: .positions)
        try fields.encode(variant.inner, forKey: .inner)
        try fields.encode(variant.activation, forKey: .activationFunction)
        try fields.encode(variant.normEpsilon, forKey: .normEpsilon)
        try fields.encode(variant.scalesAttention, forKey: .scalesAttention)
        try fields.encode(variant.scalesAttentionByBlock, forKey: .scalesAttentionByBlock)
        try fields.encode(variant.tiesHead, forKey: .tiesHead)
        try fields.encode(attentionDropout, forKey: .attentionDropout)
        try fields.encode(embeddingDropout, forKey: .embeddingDropout)
        try fields.encode(residualDropout, forKey: .residualDropout)
    }
}
