import OobleckCore
import OobleckData
import OobleckTensor

/// An imported model: each layer is a graph of operators, run on its parameters and constants.
///
/// A layer's operators are looked up, and its constants read, when the layer is first computed, so that a
/// worker holds those of its own layers only.
package final class ImportedNetwork: LayeredModel {
    private struct Layer {
        let program: GraphProgram
        let constants: [Tensor]
    }

    package let model: ImportedModel
    private var layers: [Int: Layer] = [:]
    private let graphs: [String: LayerGraph]

    /// Reads and checks all graphs.
    ///
    /// Throws `.inputData` with the file.
    package init(_ model: ImportedModel) throws {
        self.model = model
        guard model.manifest.torch == TensorRuntime.version else {
            throw OobleckError(
                .inputData,
                "\(model.path) was imported with torch \(model.manifest.torch), and this program "
                    + "computes with \(TensorRuntime.version): import the model again"
            )
        }
        graphs = try ImportedFolder(model).graphs()
    }

    package var layerCount: Int { model.manifest.layers.count }

    package var batch: [ImportManifest.BatchTensor] { model.manifest.batch }

    package func batchNames(ofLayer layer: Int) -> [String] { model.manifest.layers[layer].batch }

    package func received(byLayer layer: Int, samples: Int) -> [TensorDescription] {
        model.manifest.layers[layer].receives
    }

    /// The graphs' shapes are made for whole microbatches.
    package func trialSamples(microbatch: Int) -> Int { microbatch }

    package func name(ofLayer layer: Int) -> String { model.manifest.layers[layer].name }

    /// Layers of one graph compute alike when all that goes into it has the same shapes.
    package func representative(ofLayer layer: Int) -> Int {
        representatives[layer]
    }

    /// The first layer of each layer's kind.
    private lazy var representatives: [Int] = {
        var first: [Kind: Int] = [:]
        return (0..<layerCount).map { layer in
            let kind = kind(ofLayer: layer)
            first[kind] = first[kind] ?? layer
            return first[kind] ?? layer
        }
    }()

    private struct Kind: Hashable {
        let graph: String
        let shapes: [[Int]]
        let types: [ElementKind]
    }

    private func kind(ofLayer index: Int) -> Kind {
        let layer = model.manifest.layers[index]
        let batch = model.manifest.batch.filter { layer.batch.contains($0.name) }
        return Kind(
            graph: layer.graph,
            shapes: layer.parameters.map(\.shape) + layer.constants.map(\.shape)
                + batch.map(\.shape) + layer.receives.map(\.shape),
            types: layer.constants.map(\.kind) + batch.map(\.kind) + layer.receives.map(\.kind)
        )
    }

    /// Graphs are not searched for it: seeding costs next to nothing.
    package var hasDropout: Bool { true }

    package var lossScale: Double? { model.manifest.loss.scale }

    package func logits(
        _ state: LayerState,
        received: [Tensor],
        batch: [String: Tensor]
    ) throws -> Tensor? {
        try forward(state, received: received, batch: batch).further.first
    }

    package func forward(
        _ state: LayerState,
        received: [Tensor],
        batch: [String: Tensor]
    ) throws -> LayerOutput {
        let description = model.manifest.layers[state.layer]
        let layer = try layer(state.layer)
        let parameters = (0..<state.parameterCount).map { state.leaf($0) }
        let data = description.batch.map { name in
            guard let tensor = batch[name] else { preconditionFailure("no \(name)") }
            return tensor
        }
        let all = try layer.program.run(parameters + layer.constants + data + received)
        let results = Array(all.prefix(description.sends.count))
        let statistics = Array(all.dropFirst(results.count))
        for (found, wanted) in zip(statistics, description.statistics)
        where found.shape != wanted.shape || !found.isFloatingPoint {
            throw OobleckError(
                .inputData,
                "\(model.path): layer \(description.name) gives \(found.shape) for "
                    + "\(wanted.name), which is \(wanted.shape)"
            )
        }
        guard state.layer == layerCount - 1 else {
            try requireSends(description, results)
            return LayerOutput(tensors: results, statistics: statistics)
        }
        return LayerOutput(
            tensors: [results[0]],
            targetCount: results[1],
            further: Array(results.dropFirst(2)),
            statistics: statistics
        )
    }

    /// Throws `.inputData` unless a layer gives what its neighbour waits for.
    private func requireSends(_ layer: ImportManifest.Layer, _ results: [Tensor]) throws {
        for (result, wanted) in zip(results, layer.sends) {
            let isNumber = wanted.kind == .float32
            let bytes = wanted.elementCount * wanted.kind.byteCount
            // Numbers may have half the bytes then; the sender converts them to one type.
            let isHalf = TensorRuntime.autocasts && isNumber && 2 * result.byteCount == bytes
            guard result.shape == wanted.shape, result.isFloatingPoint == isNumber,
                isHalf || result.byteCount == bytes
            else {
                throw OobleckError(
                    .inputData,
                    "\(model.path): layer \(layer.name) gives \(result.shape) where its manifest has "
                        + "\(wanted.name) \(wanted.kind.rawValue) \(wanted.shape)"
                )
            }
        }
    }

    /// Frees the resources that only other layers need.
    package func keepOnly(_ held: Set<Int>) { layers = layers.filter { held.contains($0.key) } }

    private func layer(_ index: Int) throws -> Layer {
        if let layer = layers[index] { return layer }
        let description = model.manifest.layers[index]
        let folder = ImportedFolder(model)
        guard let graph = graphs[description.graph] else {
            preconditionFailure("no \(description.graph)")
        }
        let first = description.parameters.count
        let layer = Layer(
            program: try GraphProgram(
                graph,
                constants: first..<first + description.constants.count,
                path: folder.path(of: description.graph)
            ),
            constants: try constants(of: description, in: folder)
        )
        layers[index] = layer
        return layer
    }

    private func constants(
        of layer: ImportManifest.Layer,
        in folder: ImportedFolder
    ) throws -> [Tensor] {
        guard !layer.constants.isEmpty else { return [] }
        let reader = try folder.constants()
        return try layer.constants.map { constant in
            let bytes = try folder.bytes(of: constant, in: reader)
            return try Tensor.copying(bytes, shape: constant.shape, as: ElementType(constant.kind))
        }
    }
}
