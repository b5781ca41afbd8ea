import OobleckCore
import OobleckData
import OobleckModels

/// Loads layers from a checkpoint that any plan may have written.
struct CheckpointLoader {
    /// A layer that cannot be loaded; says which file and why.
    struct Failure: Error {
        let message: String
    }

    let point: RestorePoint
    let model: ModelSpecification
    let trained: TrainedParameters
    let afterFirst: () -> Void

    /// The given layers, each checked against its digest.
    ///
    /// Throws ``Failure`` when one is absent or does not match its digest.
    func run(_ layers: [Int]) throws -> [Int: LayerState] {
        var loaded: [Int: LayerState] = [:]
        for layer in layers {
            let bytes: [UInt8]
            do {
                bytes = try LayerFile.read(
                    layer: layer,
                    model: model,
                    from: point.folder,
                    sha256: point.layerSHA256[layer]
                )
            } catch {
                throw Failure(message: oneLine(error))
            }
            let state = try LayerState(layer: layer, model: model, trained: trained)
            try state.load(stateBytes: bytes)
            if loaded.isEmpty { afterFirst() }
            loaded[layer] = state
        }
        return loaded
    }
}
