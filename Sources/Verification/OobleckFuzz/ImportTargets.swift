import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles

/// Models that `oobleck import` wrote, and columns to train them on.
extension FuzzTarget {
    private static let samplesOfMicrobatch = 2
    private static let width = 4

    /// The readers of a manifest, of a graph, of a `.npy` column, and of what is kept of one.
    static func imports(_ folder: FuzzFolder) throws -> [FuzzTarget] {
        try [
            importManifest(folder), graph(),
            column(folder, "column", .int64, [("<i8", 8), ("<i4", 4), ("<u2", 2), ("|i1", 1)]),
            column(
                folder,
                "float-column",
                .float32,
                [("<f8", 8), ("<f4", 4), ("<f2", 2), ("|b1", 1)]
            ),
            columnSummary(folder),
        ]
    }

    /// A folder whose manifest is damaged: opened, checked, and asked what a job asks of it.
    private static func importManifest(_ folder: FuzzFolder) throws -> FuzzTarget {
        let path = try importFolder(folder, "import")
        let corpus = try folder.write(Array("All the world's a stage.".utf8), to: "stage.txt")
        let sample = try folder.read("import/manifest.json")
        return FuzzTarget("import-manifest", samples: [sample]) { bytes in
            _ = try folder.write(bytes, to: "import/manifest.json")
            let model = try ImportedFolder.open(path: path)
            try ImportedFolder(model).check()
            for layer in model.manifest.layers.indices {
                _ = StateDigest.header(ofLayer: layer, model: .imported(model)).bytes
            }
            _ = (ParameterLayout.tiedParameters(of: .imported(model)), model.manifest.loss.scale)
            let job = Self.job(model, path: corpus)
            try JobFile.validate(job)
            // Larger ones would be made, too, in more memory than a case may take.
            guard model.manifest.batch.allSatisfy({ $0.shape.reduce(1, *) <= 1 << 16 }) else {
                return
            }
            let data = try TrainingData.load(job)
            try read(data, of: model, sampleCount: data.sampleCount())
        }
    }

    private static func graph() -> FuzzTarget {
        let samples = [embedding, head].map { Array($0.utf8) }
        return FuzzTarget("import-graph", samples: samples) { bytes in
            let path = "graph-0.json"
            let graph = try LayerGraph(JSONValue(parsing: bytes, path: path), path: path)
            _ = (graph.nodes.map(\.arguments), graph.outputs)
        }
    }

    /// A column whose file is damaged: opened, and all of it read.
    private static func column(
        _ folder: FuzzFolder,
        _ name: String,
        _ kind: ElementKind,
        _ types: [(name: String, bytes: Int)]
    ) throws -> FuzzTarget {
        let model = try modelOfColumns(folder, name, kind)
        let job = Self.job(model, path: "\(folder.path)/\(name)/x.npy", areColumns: true)
        let samples = types.map { array($0.name, bytes: $0.bytes) }
        return FuzzTarget(name, samples: samples) { bytes in
            _ = try folder.write(bytes, to: "\(name)/x.npy")
            // What is kept of one case would count for the next within a tick of the clock.
            let data = try TrainingData.load(job, look: FirstLook(keepsSummary: false))
            _ = try data.digest()
            try read(data, of: model, sampleCount: data.sampleCount())
        }
    }

    /// Damage to what is kept of a column: the column is read all the same.
    private static func columnSummary(_ folder: FuzzFolder) throws -> FuzzTarget {
        let name = "column-summary"
        let model = try modelOfColumns(folder, name, .int64)
        let path = try folder.write(array("<i8", bytes: 8), to: "\(name)/x.npy")
        let job = Self.job(model, path: path, areColumns: true)
        _ = try TrainingData.load(job)
        let kept = "\(name)/x.npy.oobleck-digest"
        return FuzzTarget(name, samples: [try folder.read(kept)]) { bytes in
            _ = try folder.write(bytes, to: kept)
            let data = try TrainingData.load(job)
            try read(data, of: model, sampleCount: data.sampleCount())
            // A summary that is not believed is made again.
            guard try folder.read(kept) == bytes else {
                throw OobleckError(.inputData, "\(kept) is no summary of \(path)")
            }
        }
    }

    /// A model all of whose tensors are the column `x`.
    private static func modelOfColumns(
        _ folder: FuzzFolder,
        _ name: String,
        _ kind: ElementKind
    ) throws -> ImportedModel {
        var model = try ImportedFolder.open(path: try importFolder(folder, name))
        for index in model.manifest.batch.indices {
            model.manifest.batch[index].kind = kind
            model.manifest.batch[index].role = .column
            model.manifest.batch[index].column = "x"
        }
        return model
    }

    /// Reads the first and the last sample.
    private static func read(
        _ data: TrainingData,
        of model: ImportedModel,
        sampleCount: Int
    ) throws {
        let samples = [0, sampleCount - 1].map { BatchSample(position: $0, index: $0) }
        _ = try data.values(of: model.manifest.batch, samples: samples)
    }

    private static func job(
        _ model: ImportedModel,
        path: String,
        areColumns: Bool? = nil
    ) -> JobSpecification {
        var job = FuzzRun.job
        job.model = .imported(model)
        (job.corpusPath, job.dataAreColumns) = (path, areColumns)
        return job
    }

    /// Three samples of four numbers, in NumPy's format.
    private static func array(_ type: String, bytes: Int) -> [UInt8] {
        var header = Array(
            "{'descr': '\(type)', 'fortran_order': False, 'shape': (3, \(width)), }".utf8
        )
        while !(header.count + 11).isMultiple(of: 64) { header.append(0x20) }
        header.append(0x0A)
        let mark = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0]
        let data = (0..<3 * width).flatMap { number in
            (0..<bytes).map { $0 == 0 || type.contains("f") ? UInt8(number) : 0 }
        }
        return mark + header + data
    }

    /// Writes a model of two layers that share their only parameter.
    private static func importFolder(_ folder: FuzzFolder, _ name: String) throws -> String {
        let path = "\(folder.path)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let parameter = """
            {"name": "e", "shape": [256, 2], "dtype": "float32",
             "initial": {"kind": "normal", "mean": 0.0, "deviation": 0.02, "zero_rows": [0]}}
            """
        let hidden = "{\"name\": \"h\", \"shape\": [2, 4, 2], \"dtype\": \"float32\"}"
        let tokens = "\"shape\": [2, \(width)], \"dtype\": \"int64\", \"role\": \"tokens\""
        let graphs = ["graph-0.json": embedding, "graph-1.json": head]
        for (name, text) in graphs { try write(text, path, name, folder) }
        let files = graphs.sorted { $0.key < $1.key }
            .map { "\"\($0.key)\": \"\(SHA256Hasher.hexadecimal(of: $0.value))\"" }
        let manifest = """
            {"version": 1, "torch": "2.13.0", "transformers": null, "name": "small",
             "microbatch": \(samplesOfMicrobatch), "sequence": \(width), "vocabulary": 256,
             "mask_token": null,
             "batch": [{"name": "input_ids", \(tokens)}, {"name": "labels", \(tokens)}],
             "layers": [
             {"name": "embedding", "graph": "graph-0.json", "weights": null,
              "parameters": [\(parameter)], "constants": [], "batch": ["input_ids"],
              "receives": [], "sends": [\(hidden)]},
             {"name": "head", "graph": "graph-1.json", "weights": null,
              "parameters": [\(parameter)], "constants": [], "batch": ["labels"],
              "receives": [\(hidden)],
              "sends": [{"name": "loss", "shape": [], "dtype": "float32"},
                        {"name": "count", "shape": [], "dtype": "int64"}]}],
             "tied": [["e", [0, 1]]],
             "loss": {"layer": 1, "sum": true, "count": true, "targets": 8},
             "files": {\(files.joined(separator: ", "))}}
            """
        try write(manifest, path, ImportedFolder.manifestName, folder)
        return path
    }

    private static func write(
        _ text: String,
        _ path: String,
        _ name: String,
        _ folder: FuzzFolder
    ) throws {
        _ = try folder.write(
            Array(text.utf8),
            to: "\(path.dropFirst(folder.path.count + 1))/\(name)"
        )
    }

    private static let embedding = """
        {"inputs": 2, "nodes": [{"op": "aten::embedding", "overload": "",
         "args": [{"r": 0}, {"r": 1}]}], "outputs": [2]}
        """

    private static let head = """
        {"inputs": 3, "nodes": [
         {"op": "aten::linear", "overload": "", "args": [{"r": 2}, {"r": 0}, null]},
         {"op": "aten::max", "overload": "dim", "args": [{"r": 3}, -1, true]},
         {"op": "getitem", "overload": "", "args": [{"r": 4}, 0]},
         {"op": "aten::cat", "overload": "", "args": [[{"r": 5}, {"r": 3}], 2]},
         {"op": "aten::clamp", "overload": "", "args": [{"r": 6}, {"float": "-inf"}, 1e4]},
         {"op": "aten::sum", "overload": "", "args": [{"r": 7}],
          "kwargs": {"dtype": {"dtype": "float32"}}},
         {"op": "aten::ne", "overload": "Scalar", "args": [{"r": 1}, -100], "grad": false},
         {"op": "aten::sum", "overload": "", "args": [{"r": 9}]}], "outputs": [8, 10]}
        """
}
