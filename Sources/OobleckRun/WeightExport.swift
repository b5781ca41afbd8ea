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
        try writeWeights(of: checkpoint, to: folder + "/model.safetensors")
        try JSONDocument.write(GPT2Configuration(checkpoint.model), to: folder + "/config.json")
    }

    private static func writeWeights(of checkpoint: Checkpoint, to path: String) throws {
        let model = checkpoint.model
        let parameters = (0..<model.layerCount).map { layer in
            ParameterLayout.parameters(ofLayer: layer, model: model)
                .filter { !model.tiesHead || $0.name != ParameterLayout.headWeight }
        }
        let writer = try SafetensorsWriter(
            path,
            header: Safetensors.Header(
                tensors: parameters.flatMap { $0 },
                metadata: ["format": "pt"]
            )
        )
        for (layer, parameters) in parameters.enumerated() {
            let reader = try checkpoint.reader(ofLayer: layer)
            for parameter in parameters {
                try writer.append(try reader.bytes(of: try reader.tensor(named: parameter.name)))
            }
        }
        try writer.publish()
    }
}
