import OobleckCore
import OobleckData

/// What a checkpoint holds (`manifest.json`): without it, a folder is no checkpoint.
package struct CheckpointManifest: Hashable, Sendable, Codable {
    static let formatVersion = 1

    /// One layer's state file.
    package struct Layer: Hashable, Sendable, Codable {
        /// Name within the checkpoint's folder.
        package var file: String
        /// The layer digest: SHA-256 of the file's data section.
        package var sha256: String
        /// SHA-256 of the whole file.
        package var fileSHA256: String
        /// Bytes of the whole file.
        package var bytes: Int

        private enum CodingKeys: String, CodingKey {
            case file
            case sha256
            case fileSHA256 = "file_sha256"
            case bytes
        }
    }

    /// What the tensors follow from.
    package enum Model: Hashable, Sendable {
        case gpt2(Sizes)
        case imported(ImportedModel)
    }

    /// The sizes of a GPT-2.
    package struct Sizes: Hashable, Sendable, Codable {
        package var name: String
        package var blocks: Int
        package var hidden: Int
        package var heads: Int
        package var vocabulary: Int
        package var sequenceLength: Int
        package var dropout: Double
        /// `nil` for the published GPT-2.
        package var variant: ModelVariant?

        private enum CodingKeys: String, CodingKey {
            case name
            case blocks
            case hidden
            case heads
            case vocabulary
            case sequenceLength = "sequence_length"
            case dropout
            case variant
        }
    }

    package var version: Int
    /// Committed steps.
    package var step: Int
    package var stateSHA256: String
    package var model: Model
    /// By layer.
    package var layers: [Layer]
    /// What the state follows from (``JobFingerprint``); `nil` in those of early versions.
    package var jobSHA256: String?
    /// Digest of the corpus; `nil` where only the final state was stored.
    package var corpusSHA256: String?

    private enum CodingKeys: String, CodingKey {
        case version
        case step
        case stateSHA256 = "state_sha256"
        case model
        case layers
        case jobSHA256 = "job_sha256"
        case corpusSHA256 = "corpus_sha256"
    }
}

extension CheckpointManifest.Model: Codable {
    private enum CodingKeys: String, CodingKey {
        case imported = "import"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        if let model = try fields.decodeIfPresent(ImportedModel.self, forKey: .imported) {
            self = .imported(model)
        } else {
            self = .gpt2(try CheckpointManifest.Sizes(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .gpt2(let sizes): try sizes.encode(to: encoder)
        case .imported(let model):
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(model, forKey: .imported)
        }
    }
}

extension CheckpointManifest.Model {
    init(_ model: ModelSpecification) {
        switch model {
        case .gpt2(let model): self = .gpt2(CheckpointManifest.Sizes(model))
        case .imported(let model): self = .imported(model)
        }
    }

    var specification: ModelSpecification {
        switch self {
        case .gpt2(let sizes): .gpt2(sizes.specification)
        case .imported(let model): .imported(model)
        }
    }
}

extension CheckpointManifest.Sizes {
    fileprivate init(_ model: GPT2Specification) {
        name = model.name
        blocks = model.blocks
        hidden = model.hidden
        heads = model.heads
        vocabulary = model.vocabulary
        sequenceLength = model.sequenceLength
        dropout = model.dropout
        variant = model.variant == .published ? nil : model.variant
    }

    fileprivate var specification: GPT2Specification {
        GPT2Specification(
            name: name,
            blocks: blocks,
            hidden: hidden,
            heads: heads,
            vocabulary: vocabulary,
            sequenceLength: sequenceLength,
            dropout: dropout,
            variant: variant ?? .published
        )
    }
}
