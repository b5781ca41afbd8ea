import Foundation
import OobleckCore

/// A folder with the weights of a GPT-2 as the `transformers` package writes them: `config.json`
/// and `model.safetensors`, or shards with an index.
package final class WeightFolder {
    package let path: String
    package let configuration: GPT2Configuration
    private let catalog: WeightCatalog

    /// The sizes that the folder's configuration gives, position embeddings as sequence length.
    package var model: GPT2Specification { configuration.model }

    /// Opens a folder.
    ///
    /// Throws `.inputData` when it is not one of a GPT-2.
    package init(path: String) throws {
        self.path = path
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard isThere, isFolder.boolValue else {
            throw OobleckError(
                .inputData,
                "initial weights \(path) are \(isThere ? "no folder" : "not there"); name a folder "
                    + "that save_pretrained of transformers wrote"
            )
        }
        guard !FileManager.default.fileExists(atPath: path + "/adapter_config.json") else {
            throw OobleckError(
                .inputData,
                "initial weights \(path) have an adapter (adapter_config.json); merge it into the "
                    + "model first (merge_and_unload of peft)"
            )
        }
        configuration = try GPT2Configuration(contentsOf: path + "/config.json")
        catalog = try WeightCatalog(folder: path)
    }

    /// Names within the folder of all files that are read, in alphabetical order.
    package var files: [String] { (["config.json"] + catalog.files).sorted() }

    /// Throws `.inputData` unless the weights fit the model: sizes equal, at least as many position
    /// embeddings as the model has, and each parameter there in its shape.
    package func requireFit(_ wanted: GPT2Specification) throws {
        let sizes = [
            ("blocks", model.blocks, wanted.blocks), ("hidden", model.hidden, wanted.hidden),
            ("heads", model.heads, wanted.heads),
            ("vocabulary", model.vocabulary, wanted.vocabulary),
            ("n_inner", model.innerSize, wanted.innerSize),
        ]
        for (name, found, wanted) in sizes where found != wanted {
            throw OobleckError(
                .inputData,
                "initial weights \(path) have \(name) \(found); the job says \(wanted)"
            )
        }
        let positions = max(wanted.positionCount, wanted.sequenceLength)
        guard model.positionCount >= positions else {
            throw OobleckError(
                .inputData,
                "initial weights \(path) have \(model.positionCount) positions; sequence_length "
                    + "is \(positions) and must not be above"
            )
        }
        for layer in 0..<wanted.layerCount {
            for parameter in ParameterLayout.parameters(ofLayer: layer, model: wanted) {
                _ = try find(parameter, in: wanted)
            }
        }
    }

    /// Throws `.inputData`, with the tensor's name, unless all numbers of the model's parameters are
    /// finite.
    ///
    /// One pass over the files.
    package func requireFinite(_ wanted: GPT2Specification) throws {
        for layer in 0..<wanted.layerCount {
            for parameter in ParameterLayout.parameters(ofLayer: layer, model: wanted) {
                _ = try self.parameter(parameter, of: wanted)
            }
        }
    }

    /// A parameter of `wanted` by its full name, row-major float32, in the shape the model needs: of
    /// more position embeddings than that the first are used.
    ///
    /// Throws `.inputData` when it is missing, has another shape or no floating point type, or one
    /// of its numbers is not finite as float32.
    package func parameter(
        _ parameter: TensorShape,
        of wanted: GPT2Specification
    ) throws -> [Float] {
        let entry = try find(parameter, in: wanted)
        let values = try entry.reader.floats(of: entry.tensor)
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            let value = numberForPeople(Double(values[index]))
            let kind = entry.tensor.elementType == .float64 ? " as float32" : ""
            throw OobleckError(
                .inputData,
                "tensor \(entry.tensor.name) of the initial weights is not finite\(kind): "
                    + "element \(index) is \(value) (\(entry.reader.path))"
            )
        }
        return values.count == parameter.elementCount
            ? values : Array(values.prefix(parameter.elementCount))
    }

    /// Whether the file has a head that is not the token embedding though the configuration ties
    /// them.
    ///
    /// Different versions of the package read such a file as different models: up to 4 the head is
    /// dropped, from 5 on it is kept.
    package func contradictsTying() throws -> Bool {
        guard configuration.model.tiesHead,
            let head = catalog.entries[ParameterLayout.headWeight],
            let embedding = catalog.entries[ParameterLayout.tokenEmbedding]
        else { return false }
        guard head.tensor.shape == embedding.tensor.shape else { return true }
        if head.tensor.elementType == embedding.tensor.elementType {
            return try head.reader.bytes(of: head.tensor)
                != embedding.reader.bytes(of: embedding.tensor)
        }
        return try head.reader.floats(of: head.tensor)
            != embedding.reader.floats(of: embedding.tensor)
    }

    /// What a person should know of how the weights are read for `wanted`: types that are converted,
    /// tensors and keys that are not used.
    package func notes(for wanted: GPT2Specification) throws -> [String] {
        var used: Set<String> = []
        var types: [Safetensors.ElementType: Int] = [:]
        for layer in 0..<wanted.layerCount {
            for parameter in ParameterLayout.parameters(ofLayer: layer, model: wanted) {
                let tensor = try find(parameter, in: wanted).tensor
                guard used.insert(tensor.name).inserted else { continue }
                types[tensor.elementType, default: 0] += 1
            }
        }
        var notes = Safetensors.ElementType.readable.filter { $0 != .float32 }.compactMap { type in
            types[type].map { count in
                "\(count) \(count == 1 ? "tensor is" : "tensors are") \(type.rawValue), "
                    + (type == .float64 ? "rounded to float32" : "converted exactly to float32")
            }
        }
        let unused = catalog.entries.filter {
            !used.contains($0.value.tensor.name) && !Self.isBuffer($0.key)
        }
        if !unused.isEmpty {
            notes.append("not used: " + list(unused.values.map(\.tensor.name).sorted()))
        }
        if !configuration.unknownKeys.isEmpty {
            notes.append(
                "keys of config.json that GPT-2 does not have, ignored: "
                    + list(configuration.unknownKeys)
            )
        }
        return notes.map { "initial weights \(path): \($0)" }
    }

    private func list(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }

    /// Causal masks, which early versions of the package wrote among the parameters.
    private static func isBuffer(_ name: String) -> Bool {
        name.hasPrefix("transformer.h.")
            && (name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias"))
    }

    private func find(
        _ parameter: TensorShape,
        in wanted: GPT2Specification
    ) throws -> WeightCatalog.Entry {
        let entry = try entry(of: parameter.name, in: wanted)
        let tensor = entry.tensor
        guard Safetensors.ElementType.readable.contains(tensor.elementType) else {
            let known = Safetensors.ElementType.readable.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(
                .inputData,
                "\(entry.reader.path): tensor \(tensor.name) is \(tensor.elementType.rawValue); it "
                    + "must be one of \(known)"
            )
        }
        var shape = tensor.shape
        if parameter.name == ParameterLayout.positionEmbedding, shape.count == 2 {
            shape[0] = min(shape[0], parameter.dimensions[0])
        }
        guard shape == parameter.dimensions else {
            let isTransposed = shape.count == 2 && shape == parameter.dimensions.reversed()
            throw OobleckError(
                .inputData,
                "\(entry.reader.path): tensor \(tensor.name) has shape \(tensor.shape); the model "
                    + "needs \(parameter.dimensions)"
                    + (isTransposed ? ", as transformers has it (Conv1D is [in, out])" : "")
            )
        }
        return entry
    }

    /// Where a parameter is read from: a tied head from the token embedding, and where the file
    /// leaves one of a tied pair out, from the other.
    private func entry(
        of name: String,
        in wanted: GPT2Specification
    ) throws -> WeightCatalog.Entry {
        var names = [name]
        switch name {
        case ParameterLayout.headWeight where wanted.tiesHead:
            names = [ParameterLayout.tokenEmbedding, name]
        case ParameterLayout.headWeight where configuration.model.tiesHead:
            names.append(ParameterLayout.tokenEmbedding)
        case ParameterLayout.tokenEmbedding where configuration.model.tiesHead:
            names.append(ParameterLayout.headWeight)
        default: break
        }
        if let entry = names.lazy.compactMap({ self.catalog.entries[$0] }).first { return entry }
        let similar = catalog.entries.keys.filter { $0.hasSuffix("." + name) }.sorted().first
        let hint = similar.map { "; there is \($0)" } ?? ""
        throw OobleckError(.inputData, "\(catalog.path) has no tensor \(name)\(hint)")
    }
}
