import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport

/// A folder of weights of a very small model, as `save_pretrained` writes it, with whatever is
/// changed about it.
struct WeightFixture {
    static let model = GPT2Specification(
        name: "small",
        blocks: 1,
        hidden: 4,
        heads: 2,
        vocabulary: 5,
        sequenceLength: 3,
        dropout: 0.1
    )

    static let keys: [(String, String)] = [
        ("model_type", "\"gpt2\""), ("n_layer", "1"), ("n_embd", "4"), ("n_head", "2"),
        ("n_positions", "3"), ("vocab_size", "5"),
    ]

    struct Piece {
        var name: String
        var type = "F32"
        var shape: [Int]
        var bytes: [UInt8]

        init(_ name: String, _ shape: [Int], _ values: [Float]) {
            self.name = name
            self.shape = shape
            bytes = values.flatMap { value in
                (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 255) }
            }
        }
    }

    /// Every parameter but the head, values counting up through all of them.
    var pieces: [Piece]
    var configuration: String

    init(_ changes: [String: String] = [:]) {
        var next: Float = 0
        pieces = (0..<Self.model.layerCount)
            .flatMap { ParameterLayout.parameters(ofLayer: $0, model: Self.model) }
            .filter { $0.name != ParameterLayout.headWeight }
            .map { shape in
                let values = (0..<shape.elementCount).map { next + Float($0) }
                next += Float(shape.elementCount)
                return Piece(shape.name, shape.dimensions, values)
            }
        configuration = Self.configuration(changes)
    }

    static func configuration(_ changes: [String: String]) -> String {
        let known = keys.map { ($0.0, changes[$0.0] ?? $0.1) }
        let others = changes.filter { change in !keys.contains { $0.0 == change.key } }
        let all = known + others.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return "{" + all.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
    }

    /// Changes the tensor of that name.
    mutating func edit(_ name: String, _ change: (inout Piece) -> Void) {
        for index in pieces.indices where pieces[index].name == name { change(&pieces[index]) }
    }

    /// The bytes of a safetensors file with these tensors.
    static func file(_ pieces: [Piece]) -> [UInt8] {
        var offset = 0
        let fields = pieces.map { piece in
            defer { offset += piece.bytes.count }
            let shape = piece.shape.map(String.init).joined(separator: ",")
            return "\"\(piece.name)\":{\"dtype\":\"\(piece.type)\",\"shape\":[\(shape)],"
                + "\"data_offsets\":[\(offset),\(offset + piece.bytes.count)]}"
        }
        let json = Array("{\(fields.joined(separator: ","))}".utf8)
        return (0..<8).map { UInt8(json.count >> (8 * $0) & 255) } + json + pieces.flatMap(\.bytes)
    }

    /// Writes the folder, in one file.
    func write(to folder: TemporaryFolder) throws -> String {
        _ = try folder.write("w/config.json", configuration)
        _ = try folder.write("w/model.safetensors", Self.file(pieces))
        return folder.path + "/w"
    }

    /// Writes the folder in two shards, the tensors in them in turn.
    func writeShards(
        to folder: TemporaryFolder,
        index change: (String) -> String = { $0 }
    ) throws -> String {
        _ = try folder.write("w/config.json", configuration)
        var map: [String] = []
        for shard in 0..<2 {
            let mine = pieces.enumerated().filter { $0.offset % 2 == shard }.map(\.element)
            _ = try folder.write("w/model-\(shard).safetensors", Self.file(mine))
            map += mine.map { "\"\($0.name)\": \"model-\(shard).safetensors\"" }
        }
        let index = "{\"metadata\": null, \"weight_map\": {\(map.joined(separator: ", "))}}"
        _ = try folder.write("w/model.safetensors.index.json", change(index))
        return folder.path + "/w"
    }
}
