import Foundation
import OobleckCore

/// A folder with the weights of a GPT-2 as the `transformers` package writes them: `config.json`
/// and `model.safetensors`, with names with or without the prefix `transformer.`.
package final class WeightFolder {
    package let path: String
    /// The sizes that the folder's configuration gives, position embeddings as sequence length.
    package let model: ModelSpecification
    private let reader: SafetensorsReader

    /// Opens a folder.
    ///
    /// Throws `.inputData` when it is not one of a GPT-2.
    package init(path: String) throws {
        self.path = path
        model = try Self.readConfiguration(path + "/config.json")
        reader = try SafetensorsReader(path + "/model.safetensors")
    }

    /// Throws `.inputData` unless the weights fit the model: sizes equal, and at least as many
    /// position embeddings as the model's samples have tokens.
    package func requireFit(_ wanted: ModelSpecification) throws {
        let sizes = [
            ("blocks", model.blocks, wanted.blocks), ("hidden", model.hidden, wanted.hidden),
            ("heads", model.heads, wanted.heads),
            ("vocabulary", model.vocabulary, wanted.vocabulary),
        ]
        for (name, found, wanted) in sizes where found != wanted {
            throw OobleckError(
                .inputData,
                "initial weights \(path) have \(name) \(found); the job says \(wanted)"
            )
        }
        guard model.sequenceLength >= wanted.sequenceLength else {
            throw OobleckError(
                .inputData,
                "initial weights \(path) have \(model.sequenceLength) positions; sequence_length "
                    + "is \(wanted.sequenceLength) and must not be above"
            )
        }
        for layer in 0..<wanted.layerCount {
            for parameter in ParameterLayout.parameters(ofLayer: layer, model: wanted) {
                _ = try find(parameter)
            }
        }
    }

    /// A parameter by its full name, row-major, in the shape the model needs: of more position
    /// embeddings than that the first are used, and a head that the file leaves out is the tied
    /// token embedding.
    ///
    /// Throws `.inputData` when it is missing or has another shape or type.
    package func parameter(_ parameter: TensorShape) throws -> [Float] {
        let values = try reader.floats(of: try find(parameter))
        return values.count == parameter.elementCount
            ? values : Array(values.prefix(parameter.elementCount))
    }

    private func find(_ parameter: TensorShape) throws -> Safetensors.Tensor {
        let tensor = try tensor(named: parameter.name)
        guard tensor.elementType == .float32 else {
            throw OobleckError(
                .inputData,
                "\(reader.path): tensor \(tensor.name) is \(tensor.elementType.rawValue); "
                    + "it must be F32"
            )
        }
        var shape = tensor.shape
        if parameter.name == ParameterLayout.positionEmbedding, shape.count == 2 {
            shape[0] = min(shape[0], parameter.dimensions[0])
        }
        guard shape == parameter.dimensions else {
            throw OobleckError(
                .inputData,
                "\(reader.path): tensor \(tensor.name) has shape \(tensor.shape); the model needs "
                    + "\(parameter.dimensions)"
            )
        }
        return tensor
    }

    private func tensor(named name: String) throws -> Safetensors.Tensor {
        let prefix = "transformer."
        if let tensor = reader.header.tensor(named: name) { return tensor }
        if name.hasPrefix(prefix),
            let tensor = reader.header.tensor(named: String(name.dropFirst(prefix.count)))
        {
            return tensor
        }
        if name == ParameterLayout.headWeight {
            return try tensor(named: ParameterLayout.tokenEmbedding)
        }
        return try reader.tensor(named: name)
    }

    private static func readConfiguration(_ path: String) throws -> ModelSpecification {
        let data = try InputFile.data(path)
        do {
            return try JSONDecoder().decode(GPT2Configuration.self, from: data).model
        } catch {
            throw OobleckError(
                .inputData,
                "\(path) is not a GPT-2 configuration: \(oneLine(error))"
            )
        }
    }
}
