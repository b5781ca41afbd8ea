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

    /// The sizes that the tensors follow from.
    package struct Model: Hashable, Sendable, Codable {
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

extension CheckpointManifest.Model {
    init(_ model: ModelSpecification) {
        name = model.name
        blocks = model.blocks
        hidden = model.hidden
        heads = model.heads
        vocabulary = model.vocabulary
        sequenceLength = model.sequenceLength
        dropout = model.dropout
        variant = model.variant == .published ? nil : model.variant
    }

    var specification: ModelSpecification {
        ModelSpecification(
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
