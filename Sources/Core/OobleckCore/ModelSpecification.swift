/// The model to train.
package enum ModelSpecification: Hashable, Sendable {
    /// The model that is built in.
    case gpt2(GPT2Specification)
    /// A model of PyTorch or transformers, as `oobleck import` wrote it.
    case imported(ImportedModel)

    /// A GPT-2 of the given sizes.
    package init(
        name: String,
        blocks: Int,
        hidden: Int,
        heads: Int,
        vocabulary: Int,
        sequenceLength: Int,
        dropout: Double,
        variant: ModelVariant = .published
    ) {
        self = .gpt2(
            GPT2Specification(
                name: name,
                blocks: blocks,
                hidden: hidden,
                heads: heads,
                vocabulary: vocabulary,
                sequenceLength: sequenceLength,
                dropout: dropout,
                variant: variant
            )
        )
    }

    /// The built-in model's sizes; `nil` for an imported model.
    package var gpt2: GPT2Specification? {
        get { if case .gpt2(let specification) = self { specification } else { nil } }
        set { if let newValue { self = .gpt2(newValue) } }
    }

    /// The imported model; `nil` for the built-in one.
    package var imported: ImportedModel? {
        if case .imported(let model) = self { model } else { nil }
    }

    package var name: String {
        switch self {
        case .gpt2(let model): model.name
        case .imported(let model): model.manifest.name
        }
    }

    /// Layers as the planner counts them.
    package var layerCount: Int {
        switch self {
        case .gpt2(let model): model.layerCount
        case .imported(let model): model.manifest.layers.count
        }
    }

    /// Tokens of one sample; `nil` where a sample is no text.
    package var sequenceLength: Int? {
        switch self {
        case .gpt2(let model): model.sequenceLength
        case .imported(let model): model.manifest.sequence
        }
    }

    /// Token ids that the model knows; `nil` where it knows none.
    package var vocabulary: Int? {
        switch self {
        case .gpt2(let model): model.vocabulary
        case .imported(let model): model.manifest.vocabulary
        }
    }
}

extension ModelSpecification: Codable {
    private enum CodingKeys: String, CodingKey {
        case imported = "import"
    }

    /// A GPT-2 is written as it was when there was no other model: digests of jobs and models cover
    /// that text.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        if let model = try fields.decodeIfPresent(ImportedModel.self, forKey: .imported) {
            self = .imported(model)
        } else {
            self = .gpt2(try GPT2Specification(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .gpt2(let model): try model.encode(to: encoder)
        case .imported(let model):
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(model, forKey: .imported)
        }
    }
}
