import OobleckCore

/// `config.json` of a GPT-2 as the `transformers` package reads and writes it (`GPT2Config`).
package struct GPT2Configuration: Hashable, Sendable, Codable {
    package var activationFunction = "gelu_new"
    package var architectures = ["GPT2LMHeadModel"]
    package var attentionDropout: Double
    package var embeddingDropout: Double
    package var residualDropout: Double
    package var initializerRange = 0.02
    package var normEpsilon = 1e-5
    package var modelType = "gpt2"
    package var vocabulary: Int
    package var hidden: Int
    package var heads: Int
    package var blocks: Int
    package var positions: Int
    package var tiesEmbeddings = true
    package var elementType = "float32"

    package init(_ model: ModelSpecification) {
        attentionDropout = model.dropout
        embeddingDropout = model.dropout
        residualDropout = model.dropout
        vocabulary = model.vocabulary
        hidden = model.hidden
        heads = model.heads
        blocks = model.blocks
        positions = model.sequenceLength
    }

    /// The sizes; the number of positions stands as sequence length.
    package var model: ModelSpecification {
        ModelSpecification(
            name: modelType,
            blocks: blocks,
            hidden: hidden,
            heads: heads,
            vocabulary: vocabulary,
            sequenceLength: positions,
            dropout: residualDropout
        )
    }

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
        case tiesEmbeddings = "tie_word_embeddings"
        case elementType = "torch_dtype"
    }

    /// Reads what matters; all else takes the package's defaults.
    ///
    /// Throws when the model is not one that we compute.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Int {
            let value = try container.decode(Int.self, forKey: key)
            guard value > 0 else {
                throw DecodingError.dataCorruptedError(
                    forKey: key,
                    in: container,
                    debugDescription: "\(value) is not positive"
                )
            }
            return value
        }
        func require<Value: Decodable & Equatable>(_ key: CodingKeys, _ value: Value) throws {
            let found = try container.decodeIfPresent(Value.self, forKey: key) ?? value
            guard found == value else {
                throw DecodingError.dataCorruptedError(
                    forKey: key,
                    in: container,
                    debugDescription: "it is \(found); only \(value) is supported"
                )
            }
        }
        try require(.modelType, "gpt2")
        try require(.activationFunction, "gelu_new")
        try require(.normEpsilon, 1e-5)
        try require(.tiesEmbeddings, true)
        let dropout = try container.decodeIfPresent(Double.self, forKey: .residualDropout) ?? 0.1
        self.init(
            ModelSpecification(
                name: "gpt2",
                blocks: try number(.blocks),
                hidden: try number(.hidden),
                heads: try number(.heads),
                vocabulary: try number(.vocabulary),
                sequenceLength: try number(.positions),
                dropout: dropout
            )
        )
    }
}
