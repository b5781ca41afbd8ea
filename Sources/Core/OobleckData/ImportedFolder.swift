import Foundation
import OobleckCore

/// The folder of an imported model: its manifest, graphs, weights and constants.
package struct ImportedFolder: Sendable {
    package static let manifestName = "manifest.json"
    private static let largestManifest = 256 << 20

    private let model: ImportedModel

    package init(_ model: ImportedModel) { self.model = model }

    package func path(of name: String) -> String { "\(model.path)/\(name)" }

    /// Reads and checks a folder's manifest.
    ///
    /// Throws `.inputData` with what is wrong in it.
    package static func open(path: String) throws -> ImportedModel {
        let manifestPath = "\(path)/\(manifestName)"
        guard FileManager.default.fileExists(atPath: manifestPath) else {
            throw OobleckError(
                .inputData,
                "\(path) has no \(manifestName); name a folder that oobleck import wrote"
            )
        }
        let bytes = try InputFile.bytes(manifestPath, atMost: largestManifest)
        // Strict parsing first: decoders accept repeated keys and use one of them.
        let value = try JSONValue(parsing: bytes, path: manifestPath)
        if let version = value.fields?["version"]?.double,
            version != Double(ImportManifest.formatVersion)
        {
            throw OobleckError(
                .inputData,
                "\(manifestPath) has version \(value.fields?["version"] ?? .null); this program reads "
                    + "\(ImportManifest.formatVersion): import the model again"
            )
        }
        try ManifestDigest.check(bytes, value, path: manifestPath)
        let manifest: ImportManifest
        do {
            manifest = try JSONDecoder().decode(ImportManifest.self, from: Data(bytes))
        } catch {
            throw OobleckError(.inputData, "\(manifestPath): \(oneLine(error))")
        }
        if let problem = manifest.problem {
            throw OobleckError(.inputData, "\(manifestPath): \(problem)")
        }
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return ImportedModel(path: path, sha256: hasher.hexadecimal, manifest: manifest)
    }

    /// Files of the model's source that lie beside the manifest: its configuration, its tokenizer.
    ///
    /// Throws `.inputData` when the folder cannot be listed.
    package func companions() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: model.path)
                .filter { $0 != Self.manifestName && model.manifest.files[$0] == nil }.sorted()
        } catch {
            throw OobleckError(
                .inputData,
                "cannot list \(model.path), where the model was imported to: \(fileReason(error))"
            )
        }
    }

    /// Reads a graph, and checks that it is the one that was imported.
    package func graph(_ name: String) throws -> LayerGraph {
        try requireDigest(name)
        return try LayerGraph(contentsOf: path(of: name))
    }

    /// Reads all files and graphs.
    ///
    /// Throws `.inputData` when one was altered, or a layer does not fit its graph.
    package func check() throws {
        for name in model.manifest.files.keys.sorted() { try requireDigest(name) }
        _ = try graphs()
    }

    /// Reads all files but the weights, and of these what they hold: a model may have many gigabytes, of
    /// which each worker reads and checks those of its own layers.
    ///
    /// Throws as ``check()`` does.
    package func checkStructure() throws {
        for name in structureFiles { try requireDigest(name) }
        _ = try graphs()
        for layer in model.manifest.layers {
            guard let weights = layer.weights else { continue }
            let reader = try reader(of: weights)
            for parameter in layer.parameters where parameter.initial.kind == .stored {
                _ = try tensor(of: parameter, in: reader)
            }
        }
    }

    /// All files of the manifest that are no weights, in order.
    package var structureFiles: [String] {
        let weights = Set(model.manifest.layers.compactMap(\.weights))
        return model.manifest.files.keys.filter { !weights.contains($0) }.sorted()
    }

    /// The graphs of all layers, by name.
    ///
    /// Throws `.inputData` when one was altered, or a layer does not fit it.
    package func graphs() throws -> [String: LayerGraph] {
        var graphs: [String: LayerGraph] = [:]
        for layer in model.manifest.layers {
            let graph = try graphs[layer.graph] ?? self.graph(layer.graph)
            graphs[layer.graph] = graph
            let inputs =
                layer.parameters.count + layer.constants.count + layer.batch.count
                + layer.receives.count
            let outputs = layer.sends.count + layer.statistics.count
            guard graph.inputCount == inputs, graph.outputs.count == outputs else {
                throw OobleckError(
                    .inputData,
                    "\(path(of: layer.graph)) takes \(graph.inputCount) tensors and gives "
                        + "\(graph.outputs.count); layer \(layer.name) has \(inputs) and "
                        + "\(outputs)"
                )
            }
            // Other passes and other layers of the worker use them too.
            let shared = inputs - layer.receives.count
            guard let place = graph.nodes.firstIndex(where: { $0.writesOver(below: shared) }) else {
                continue
            }
            throw OobleckError(
                .inputData,
                "\(path(of: layer.graph)): node \(place) (\(graph.nodes[place].name)) writes over a "
                    + "parameter, a constant or the batch of layer \(layer.name)"
            )
        }
        return graphs
    }

    /// Throws `.inputData` unless a file has the digest that the manifest says.
    package func requireDigest(_ name: String) throws {
        guard let wanted = model.manifest.files[name] else {
            throw OobleckError(.inputData, "\(path(of: name)) is not in \(Self.manifestName)")
        }
        let found = try SHA256Hasher.hexadecimal(ofFile: path(of: name))
        guard found == wanted else {
            throw OobleckError(
                .inputData,
                "\(path(of: name)) has SHA-256 \(found); the manifest says \(wanted): it was "
                    + "altered, import the model again"
            )
        }
    }

    package func reader(of name: String) throws -> SafetensorsReader {
        try SafetensorsReader(path(of: name))
    }

    package func constants() throws -> SafetensorsReader {
        try reader(of: ImportManifest.constantsName)
    }

    /// The values of a stored parameter, float32, row-major.
    package func values(
        of parameter: ImportManifest.Parameter,
        in reader: SafetensorsReader?
    ) throws -> [Float] {
        guard let reader else {
            throw OobleckError(.inputData, "\(model.path) stores no value of \(parameter.name)")
        }
        return try reader.floats(of: try tensor(of: parameter, in: reader))
    }

    private func tensor(
        of parameter: ImportManifest.Parameter,
        in reader: SafetensorsReader
    ) throws -> Safetensors.Tensor {
        let tensor = try reader.tensor(named: parameter.name)
        guard tensor.shape == parameter.shape else {
            throw OobleckError(
                .inputData,
                "\(reader.path): \(parameter.name) has shape \(tensor.shape), not \(parameter.shape)"
            )
        }
        return tensor
    }

    /// The bytes of a constant.
    package func bytes(
        of constant: TensorDescription,
        in reader: SafetensorsReader
    ) throws -> [UInt8] {
        let tensor = try reader.tensor(named: constant.name)
        guard tensor.shape == constant.shape, tensor.elementType == constant.kind.stored else {
            throw OobleckError(
                .inputData,
                "\(reader.path): \(constant.name) is \(tensor.elementType.rawValue) "
                    + "\(tensor.shape), not \(constant.kind.rawValue) \(constant.shape)"
            )
        }
        return try reader.bytes(of: tensor)
    }
}

extension LayerGraph.Node {
    /// Whether it writes over a value in one of the first slots.
    fileprivate func writesOver(below end: Int) -> Bool {
        guard name.hasSuffix("_"), !name.hasSuffix("__"), case .slot(let slot)? = arguments.first
        else {
            return false
        }
        return slot < end
    }
}

extension ElementKind {
    /// The type that such elements have in a file.
    fileprivate var stored: Safetensors.ElementType {
        switch self {
        case .float32: .float32
        case .int64: .int64
        case .int32: .int32
        case .uint8: .uint8
        case .boolean: .boolean
        }
    }
}
