import Foundation
import OobleckCore
import OobleckData

/// A tiny model as `oobleck import` writes it; a test changes one thing of it.
///
/// Two samples of four tokens in a microbatch, eight token ids, width two. Three layers: an embedding;
/// a product with a stored matrix and a constant; a head that is tied to the embedding.
package struct ImportFixture {
    /// `manifest.json`, with ``filesMark`` where the digests go.
    package var manifest: String
    /// All other files by name.
    package var files: [String: [UInt8]]
    /// Files that the manifest does not list.
    package var companions: [String: String] = [:]

    package static let filesMark = "{\"FILES\": \"\"}"

    package init() {
        manifest = Self.manifestText
        files = [
            "graph-0.json": Array(Self.embedding.utf8), "graph-1.json": Array(Self.block.utf8),
            "graph-2.json": Array(Self.head.utf8),
            "layer-1.safetensors": Self.safetensors("block.weight", [2, 2], [1, 2, 3, 4]),
            "constants.safetensors": Self.safetensors("scale", [2], [0.5, -2]),
        ]
    }

    /// The model with part of its manifest written otherwise.
    package func changing(_ text: String, to other: String) -> ImportFixture {
        precondition(manifest.contains(text), "the manifest has no \(text)")
        var fixture = self
        fixture.manifest = manifest.replacing(text, with: other)
        return fixture
    }

    /// The model with a graph written otherwise.
    package func changing(graph: Int, _ text: String, to other: String) -> ImportFixture {
        let name = "graph-\(graph).json"
        let old = String(decoding: files[name] ?? [], as: UTF8.self)
        precondition(old.contains(text), "\(name) has no \(text)")
        var fixture = self
        fixture.files[name] = Array(old.replacing(text, with: other).utf8)
        return fixture
    }

    /// The model whose tensors of the batch have these roles.
    package func roles(_ inputs: String, _ labels: String) -> ImportFixture {
        changing(Self.role("input_ids", "tokens"), to: Self.role("input_ids", inputs))
            .changing(Self.role("labels", "tokens"), to: Self.role("labels", labels))
    }

    private static func role(_ name: String, _ role: String) -> String {
        "{\"name\": \"\(name)\", \"shape\": [2, 4], \"dtype\": \"int64\", \"role\": \"\(role)\"}"
    }

    /// The manifest as it stands in the folder.
    package var manifestInFolder: String {
        let pairs = files.sorted { $0.key < $1.key }.map { name, bytes in
            var hasher = SHA256Hasher()
            hasher.update(bytes)
            return "\"\(name)\": \"\(hasher.hexadecimal)\""
        }
        return manifest.replacing(Self.filesMark, with: "{\(pairs.joined(separator: ", "))}")
    }

    /// The manifest as a value.
    package func decoded() throws -> ImportManifest {
        try JSONDecoder().decode(ImportManifest.self, from: Data(manifestInFolder.utf8))
    }

    /// Writes the folder, and returns its path.
    package func write(_ folder: TemporaryFolder, _ name: String = "model") throws -> String {
        for (file, bytes) in files { _ = try folder.write("\(name)/\(file)", bytes) }
        for (file, text) in companions { _ = try folder.write("\(name)/\(file)", text) }
        _ = try folder.write("\(name)/manifest.json", manifestInFolder)
        return folder.path + "/" + name
    }

    /// A file with one float32 tensor.
    package static func safetensors(_ name: String, _ shape: [Int], _ values: [Float]) -> [UInt8] {
        Safetensors.Header(tensors: [TensorShape(name, shape)]).bytes
            + values.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 255) } }
    }

    private static let manifestText = """
        {"version": 1, "torch": "2.13.0", "transformers": "5.24.0",
         "source": {"kind": "transformers", "name": "tiny", "architecture": "Tiny",
                    "model_type": "tiny", "trust_remote_code": false},
         "name": "tiny", "microbatch": 2, "sequence": 4, "vocabulary": 8, "mask_token": null,
         "batch": [{"name": "input_ids", "shape": [2, 4], "dtype": "int64", "role": "tokens"},
                   {"name": "labels", "shape": [2, 4], "dtype": "int64", "role": "tokens"}],
         "layers": [
           {"name": "embedding", "graph": "graph-0.json", "weights": null,
            "parameters": [{"name": "embed.weight", "shape": [8, 2], "dtype": "float32",
                            "initial": {"kind": "normal", "mean": 0.0, "deviation": 0.02}}],
            "constants": [], "batch": ["input_ids"], "receives": [],
            "sends": [{"name": "hidden", "shape": [2, 4, 2], "dtype": "float32"}]},
           {"name": "block", "graph": "graph-1.json", "weights": "layer-1.safetensors",
            "parameters": [{"name": "block.weight", "shape": [2, 2], "dtype": "float32",
                            "initial": {"kind": "stored"}}],
            "constants": [{"name": "scale", "shape": [2], "dtype": "float32"}], "batch": [],
            "receives": [{"name": "hidden", "shape": [2, 4, 2], "dtype": "float32"}],
            "sends": [{"name": "product", "shape": [2, 4, 2], "dtype": "float32"}]},
           {"name": "head", "graph": "graph-2.json", "weights": null,
            "parameters": [{"name": "embed.weight", "shape": [8, 2], "dtype": "float32",
                            "initial": {"kind": "normal", "mean": 0.0, "deviation": 0.02}}],
            "constants": [], "batch": ["labels"],
            "receives": [{"name": "product", "shape": [2, 4, 2], "dtype": "float32"}],
            "sends": [{"name": "loss", "shape": [], "dtype": "float32"},
                      {"name": "count", "shape": [], "dtype": "int64"},
                      {"name": "logits", "shape": [2, 4, 8], "dtype": "float32"}]}],
         "tied": [["embed.weight", [0, 2]]],
         "loss": {"layer": 2, "sum": true, "count": true, "targets": 8},
         "files": {"FILES": ""}}
        """

    private static let embedding = """
        {"inputs": 2, "nodes": [{"op": "aten::embedding", "overload": "", \
        "args": [{"r": 0}, {"r": 1}]}], "outputs": [2]}
        """

    private static let block = """
        {"inputs": 3, "nodes": [{"op": "aten::linear", "overload": "", \
        "args": [{"r": 2}, {"r": 0}]}, {"op": "aten::mul", "overload": "Tensor", \
        "args": [{"r": 3}, {"r": 1}]}], "outputs": [4]}
        """

    private static let head = """
        {"inputs": 3, "nodes": [
        {"op": "aten::linear", "overload": "", "args": [{"r": 2}, {"r": 0}]},
        {"op": "aten::reshape", "overload": "", "args": [{"r": 3}, [8, 8]]},
        {"op": "aten::reshape", "overload": "", "args": [{"r": 1}, [8]]},
        {"op": "aten::cross_entropy_loss", "overload": "", "args": [{"r": 4}, {"r": 5}],
         "kwargs": {"reduction": 2, "ignore_index": -100}},
        {"op": "aten::ne", "overload": "Scalar", "args": [{"r": 5}, -100], "grad": false},
        {"op": "aten::sum", "overload": "", "args": [{"r": 7}]}], "outputs": [6, 8, 3]}
        """
}
