import Foundation
import OobleckCore
import OobleckData

/// Folders of weights that others saved.
extension FuzzTarget {
    /// The readers of `config.json`, of the index of shards, and of the tensors.
    static func weights(_ folder: FuzzFolder) throws -> [FuzzTarget] {
        let shapes = (0..<FuzzRun.gpt2.layerCount)
            .flatMap { ParameterLayout.parameters(ofLayer: $0, model: FuzzRun.gpt2) }
        let tensors =
            Safetensors.Header(tensors: shapes).bytes
            + [UInt8](repeating: 0x3D, count: shapes.map(\.byteCount).reduce(0, +))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let configuration = Array(try encoder.encode(GPT2Configuration(FuzzRun.gpt2)))
        let map = shapes.map { "\"\($0.name)\":\"model-1.safetensors\"" }.joined(separator: ",")
        let index = "{\"metadata\":{\"total_size\":1},\"weight_map\":{\(map)}}"
        return try [
            target(
                "weights",
                "model.safetensors",
                tensors,
                configuration: configuration,
                in: folder
            ),
            target(
                "weight-index",
                "model.safetensors.index.json",
                Array(index.utf8),
                configuration: configuration,
                others: ["model-1.safetensors": tensors],
                in: folder
            ),
            target(
                "weight-configuration",
                "config.json",
                configuration,
                configuration: configuration,
                others: ["model.safetensors": tensors],
                in: folder
            ),
        ]
    }

    /// A folder of its own in which one file is damaged.
    private static func target(
        _ name: String,
        _ file: String,
        _ sample: [UInt8],
        configuration: [UInt8],
        others: [String: [UInt8]] = [:],
        in folder: FuzzFolder
    ) throws -> FuzzTarget {
        let path = folder.path + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (other, bytes) in others.merging(
            ["config.json": configuration],
            uniquingKeysWith: { $1 }
        ) {
            _ = try folder.write(bytes, to: "\(name)/\(other)")
        }
        return FuzzTarget(name, samples: [sample]) { bytes in
            _ = try folder.write(bytes, to: "\(name)/\(file)")
            let weights = try WeightFolder(path: path)
            try weights.requireFit(FuzzRun.gpt2)
            try weights.requireFinite(FuzzRun.gpt2)
            _ = try (weights.notes(for: FuzzRun.gpt2), weights.contradictsTying())
        }
    }
}
