import Foundation
import OobleckCore

/// The tensors of a folder as the `transformers` package saves it, by the names of
/// ``ParameterLayout``: of `model.safetensors`, or of the shards that
/// `model.safetensors.index.json` lists.
struct WeightCatalog {
    struct Entry {
        let reader: SafetensorsReader
        let tensor: Safetensors.Tensor
    }

    private static let single = "model.safetensors"
    private static let index = "model.safetensors.index.json"
    /// Largest index that is read.
    private static let largestIndex = 64 << 20
    /// Wrappers of a model that put their name into those of its parameters: `torch.compile`,
    /// `DataParallel`, FSDP, activation checkpoints.
    private static let wrappers: Set<Substring> = [
        "_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    ]

    /// The file that says which tensors there are.
    let path: String
    /// Names within the folder of all files that are read, in order.
    let files: [String]
    private(set) var entries: [String: Entry] = [:]

    /// Opens the files of a folder.
    ///
    /// Where there is one file and an index, the one file counts, as in the package. Throws
    /// `.inputData`.
    init(folder: String) throws {
        let manager = FileManager.default
        if manager.fileExists(atPath: "\(folder)/\(Self.single)") {
            path = "\(folder)/\(Self.single)"
            files = [Self.single]
            let reader = try SafetensorsReader(path)
            for tensor in reader.header.tensors { try add(tensor, of: reader) }
        } else if manager.fileExists(atPath: "\(folder)/\(Self.index)") {
            path = "\(folder)/\(Self.index)"
            let shards = try Self.shards(path)
            let names = Set(shards.map(\.file)).sorted()
            files = [Self.index] + names
            try addShards(shards, names: names, folder: folder)
        } else {
            throw Self.missing(folder)
        }
    }

    private mutating func addShards(
        _ shards: [(tensor: String, file: String)],
        names: [String],
        folder: String
    ) throws {
        var places: [String: String] = [:]
        for name in names {
            guard FileManager.default.fileExists(atPath: "\(folder)/\(name)") else {
                throw OobleckError(.inputData, "\(path) names \(name), which is not in its folder")
            }
            let reader = try SafetensorsReader("\(folder)/\(name)")
            for tensor in reader.header.tensors {
                if let other = places.updateValue(name, forKey: tensor.name) {
                    throw OobleckError(
                        .inputData,
                        "\(folder): tensor \(tensor.name) is in \(other) and in \(name)"
                    )
                }
                try add(tensor, of: reader)
            }
        }
        for (tensor, file) in shards where places[tensor] != file {
            let place = places[tensor].map { "it is in \($0)" } ?? "it is in none of the files"
            throw OobleckError(
                .inputData,
                "\(path) says that tensor \(tensor) is in \(file); \(place)"
            )
        }
    }

    private mutating func add(_ tensor: Safetensors.Tensor, of reader: SafetensorsReader) throws {
        let name = Self.plainName(tensor.name)
        let entry = Entry(reader: reader, tensor: tensor)
        guard let other = entries.updateValue(entry, forKey: name) else { return }
        throw OobleckError(
            .inputData,
            "\(path) has both \(other.tensor.name) and \(tensor.name), which mean the same parameter"
        )
    }

    /// A tensor's name without wrappers, and with the prefix `transformer.` that a model without its
    /// head does not write.
    private static func plainName(_ name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            .filter { !wrappers.contains($0) }
        let plain = parts.joined(separator: ".")
        let parameters = ["wte", "wpe", "h", "ln_f"]
        return parameters.contains { parts.first == Substring($0) } ? "transformer." + plain : plain
    }

    /// Which file has which tensor, in the order of the index.
    private static func shards(_ path: String) throws -> [(tensor: String, file: String)] {
        let value = try JSONValue(contentsOf: path, limit: largestIndex)
        guard let map = value.fields?["weight_map"]?.fields, !map.keys.isEmpty else {
            throw OobleckError(.inputData, "\(path) has no weight_map of tensors to files")
        }
        return try map.keys.map { tensor in
            guard let file = map[tensor]?.string, !file.isEmpty, !file.contains("/"),
                ![".", ".."].contains(file)
            else {
                throw OobleckError(
                    .inputData,
                    "\(path) puts tensor \(tensor) into \(map[tensor] ?? .null); it must be the name "
                        + "of a file in the same folder"
                )
            }
            return (tensor, file)
        }
    }

    private static func missing(_ folder: String) -> OobleckError {
        let others = ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5"]
        let manager = FileManager.default
        let other = others.first { manager.fileExists(atPath: "\(folder)/\($0)") }
        let found = other.map { ", but \($0)" } ?? ""
        let remedy =
            other == nil
            ? "save the model there with save_pretrained"
            : "load it with GPT2LMHeadModel.from_pretrained and save it with save_pretrained"
        return OobleckError(
            .inputData,
            "\(folder) has no \(single) and no \(index)\(found); \(remedy)"
        )
    }
}
