import OobleckCore
import OobleckData
import OobleckText

/// What an import gave, for people and programs.
package struct ImportReport: Encodable {
    var message: String
    var path: String
    var layers: Int
    var graphs: Int
    var parameters: Int

    private let model: ImportedModel

    private enum CodingKeys: String, CodingKey {
        case message
        case path
        case layers
        case graphs
        case parameters
    }

    package init(_ model: ImportedModel) {
        self.model = model
        let manifest = model.manifest
        path = model.path
        layers = manifest.layers.count
        graphs = Set(manifest.layers.map(\.graph)).count
        // A tied parameter counts once.
        let sizes = manifest.layers.flatMap(\.parameters)
            .filter { $0.momentum == nil }.map { ($0.name, $0.shape.reduce(1, *)) }
        parameters = Dictionary(sizes) { first, _ in first }.values.reduce(0, +)
        message =
            "\(counted(manifest.layers.count, "layer")) of \(counted(graphs, "kind")), "
            + "\(NumberText.short(Double(parameters))) parameters; written to \(model.path)"
    }

    /// The report for people, within `width` columns.
    package func text(width: Int) -> String {
        var table = TextTable([
            .init("layers"), .init("kind", .right), .init("parameters", .right),
            .init("sends", .right), .init("name"),
        ])
        for run in runs { table.append(cells(run)) }
        let more = [
            model.manifest.isDrawn
                ? "start   from the job's seed" : "start   from the source's weights",
            "batch   " + model.manifest.batch.map(\.forPeople).joined(separator: ", "),
        ]
        let tied = model.manifest.tied.map { "tied    \($0.name)".folded(limit: width, indent: 8) }
        return
            (table.lines(limit: width) + [""]
            + (more.map { ($0).folded(limit: width, indent: 8) }) + tied + ["", message])
            .joined(separator: "\n")
    }

    /// Layers of one graph that follow each other.
    private var runs: [Range<Int>] {
        let layers = model.manifest.layers
        return layers.indices.reduce(into: []) { runs, index in
            if let last = runs.last, layers[last.lowerBound].graph == layers[index].graph {
                runs[runs.count - 1] = last.lowerBound..<index + 1
            } else {
                runs.append(index..<index + 1)
            }
        }
    }

    private func cells(_ run: Range<Int>) -> [String] {
        let layers = model.manifest.layers[run]
        guard let first = layers.first, let last = layers.last else { return [] }
        let count = first.parameters.filter { $0.momentum == nil }
            .reduce(0) { $0 + $1.shape.reduce(1, *) }
        let bytes = first.sends.reduce(0) { $0 + $1.elementCount * $1.kind.byteCount }
        let isLast = run.upperBound == model.manifest.layers.count
        return [
            run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound - 1)",
            "\(kind(of: first))",
            NumberText.short(Double(count)),
            isLast ? "loss" : ByteCount(bytes).description,
            run.count == 1 ? first.name : "\(first.name) to \(last.name)",
        ]
    }

    /// Number of a layer's graph among the graphs.
    private func kind(of layer: ImportManifest.Layer) -> Int {
        let names = model.manifest.layers.map(\.graph)
        return Set(names.prefix { $0 != layer.graph }).count + 1
    }
}

extension ImportManifest {
    /// Whether no parameter has a value of the source.
    fileprivate var isDrawn: Bool { layers.allSatisfy { $0.weights == nil } }
}

extension ImportManifest.BatchTensor {
    /// Name, shape and where it comes from.
    fileprivate var forPeople: String {
        let sizes = shape.map(String.init).joined(separator: " x ")
        return "\(name) \(sizes) (\(role.rawValue.replacing("_", with: " ")))"
    }
}
