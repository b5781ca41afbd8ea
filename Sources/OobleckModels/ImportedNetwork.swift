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

    /// Layers of one graph compute alike.
    package func representative(ofLayer layer: Int) -> Int {
        let graph = model.manifest.layers[layer].graph
        return model.manifest.layers.firstIndex { $0.graph == graph } ?? layer
    }

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
        let results = try layer.program.run(parameters + layer.constants + data + received)
        guard state.layer == layerCount - 1 else { return LayerOutput(tensors: results) }
        return LayerOutput(
            tensors: [results[0]],
            targetCount: results[1],
            further: Array(results.dropFirst(2))
        )
    }

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
            let tensor = try Tensor.empty(constant.shape, ElementType(constant.kind))
            try tensor.withMutableBytes { target in
                bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
            }
            return tensor
        }
    }
}
