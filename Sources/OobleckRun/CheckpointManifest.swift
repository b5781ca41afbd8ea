import OobleckCore

/// What a checkpoint holds (`manifest.json`): without it, a folder is no checkpoint.
package struct CheckpointManifest: Hashable, Sendable, Codable {
    static let formatVersion = 1
    static let fileName = "manifest.json"

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

        private enum CodingKeys: String, CodingKey {
            case name
            case blocks
            case hidden
            case heads
            case vocabulary
            case sequenceLength = "sequence_length"
            case dropout
        }
    }

    package var version: Int
    /// Committed steps.
    package var step: Int
    package var stateSHA256: String
    package var model: Model
    /// By layer.
    package var layers: [Layer]

    private enum CodingKeys: String, CodingKey {
        case version
        case step
        case stateSHA256 = "state_sha256"
        case model
        case layers
    }

    /// Name of a layer's state file.
    static func fileName(ofLayer layer: Int) -> String {
        "layer-\(padded(layer, toWidth: 3)).safetensors"
    }

    /// Name of the folder of the checkpoint after `step` committed steps.
    static func folderName(step: Int) -> String { "step-\(padded(step, toWidth: 6))" }

    private static func padded(_ number: Int, toWidth width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
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
    }

    var specification: ModelSpecification {
        ModelSpecification(
            name: name,
            blocks: blocks,
            hidden: hidden,
            heads: heads,
            vocabulary: vocabulary,
            sequenceLength: sequenceLength,
            dropout: dropout
        )
    }
}
