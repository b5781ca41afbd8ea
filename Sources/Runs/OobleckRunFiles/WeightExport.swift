import Foundation
import OobleckCore
import OobleckData

/// Writes a run's parameters as the `transformers` package reads them.
package enum WeightExport {
    /// Writes `config.json` and `model.safetensors`, which `GPT2LMHeadModel.from_pretrained` loads,
    /// from the newest checkpoint of a run.
    ///
    /// All numbers are float32. A tied head is left out, as that package does; what the model has
    /// otherwise than the published GPT-2, all position embeddings included, stands in
    /// `config.json`.
    ///
    /// Throws `.inputData` when the run has no checkpoint or it is damaged, `.usage` when the
    /// folder holds weights already, `.storage` when it cannot be written.
    package static func export(run path: String, to folder: String) throws {
        let directory = try RunDirectory.open(path: path)
        guard let newest = try Checkpoint.folders(in: directory).last else {
            throw OobleckError(
                .inputData,
                "\(path) has no checkpoint to export; a run writes one when it finishes"
            )
        }
        let checkpoint = try Checkpoint(path: newest)
        if let violation = checkpoint.violations().first {
            throw OobleckError(.inputData, "damaged checkpoint: \(violation)")
        }
        for name in ["config.json", "model.safetensors", "model.safetensors.index.json"]
        where FileManager.default.fileExists(atPath: folder + "/" + name) {
            throw OobleckError(
                .usage,
                "\(folder) has a \(name) already; choose another folder, or remove it"
            )
        }
        let folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        try makeFolder(folder, withParents: true)
        try writeDescription(of: checkpoint.model, to: folder)
        try writeWeights(
            of: checkpoint,
            microbatches: checkpoint.manifest.step * directory.job().training.microbatchCount,
            to: folder + "/model.safetensors"
        )
    }

    /// Writes what the weights are of: the built-in model's configuration, or the files that came with
    /// an imported one.
    private static func writeDescription(
        of model: ModelSpecification,
        to folder: String
    ) throws {
        switch model {
        case .gpt2(let model):
            try JSONDocument.write(GPT2Configuration(model), to: folder + "/config.json")
        case .imported(let model):
            for name in try ImportedFolder(model).companions() {
                do {
                    try FileManager.default.copyItem(
                        atPath: "\(model.path)/\(name)",
                        toPath: "\(folder)/\(name)"
                    )
                } catch {
                    throw OobleckError(
                        .storage,
                        "cannot copy \(model.path)/\(name): \(fileReason(error))"
                    )
                }
            }
        }
    }

    /// Writes the parameters of a run that has trained on `microbatches` microbatches.
    private static func writeWeights(
        of checkpoint: Checkpoint,
        microbatches: Int,
        to path: String
    ) throws {
        let model = checkpoint.model
        // Of a tied parameter the first copy stands for all.
        let copies = Set(
            ParameterLayout.tiedParameters(of: model).flatMap { $0.uses.dropFirst() }
        )
        let parameters = (0..<model.layerCount).map { layer in
            ParameterLayout.parameters(ofLayer: layer, model: model)
                .filter { !copies.contains(TiedParameter.Use(layer: layer, name: $0.name)) }
        }
        let frozen = try frozenParameters(of: model)
        let counters = (model.imported?.manifest.counters ?? [:]).sorted { $0.key < $1.key }
        let writer = try SafetensorsWriter(
            path,
            header: Safetensors.Header(
                counters: counters.map(\.key),
                tensors: parameters.flatMap { $0 } + frozen.map(\.shape),
                metadata: ["format": "pt"]
            )
        )
        for counter in counters {
            let value = Int64(counter.value + microbatches).littleEndian
            try writer.append(withUnsafeBytes(of: value) { unsafe Array($0) })
        }
        for (layer, parameters) in parameters.enumerated() {
            let reader = try checkpoint.reader(ofLayer: layer)
            for parameter in parameters {
                try writer.append(try reader.bytes(of: try reader.tensor(named: parameter.name)))
            }
        }
        for parameter in frozen { try writer.append(parameter.bytes) }
        try writer.publish()
    }

    /// The float32 parameters that an imported model's own code keeps as they are: they are part of no
    /// checkpoint.
    private static func frozenParameters(
        of model: ModelSpecification
    ) throws -> [(shape: TensorShape, bytes: [UInt8])] {
        guard let model = model.imported, let names = model.manifest.frozen, !names.isEmpty else {
            return []
        }
        let reader = try ImportedFolder(model).constants()
        return try names.compactMap { name in
            let tensor = try reader.tensor(named: name)
            guard tensor.elementType == .float32 else { return nil }
            return (TensorShape(name, tensor.shape), try reader.bytes(of: tensor))
        }
    }
}
