import OobleckCore
import OobleckModels

/// Remembers the digest that each layer's state had right after this worker's own last update of
/// it, so that a change by anything else is known for one, whatever the other copies say.
struct StateWatch {
    private var known: [Int: (state: LayerState, digest: UInt64)] = [:]

    /// Takes over the layers of a new plan: those that were here keep what is remembered.
    mutating func adopt(_ layers: [Int: LayerState]) throws {
        known = try layers.reduce(into: [:]) { result, entry in
            let (layer, state) = entry
            if let before = known[layer], before.state === state {
                result[layer] = before
            } else {
                result[layer] = (state, try state.fastDigest())
            }
        }
    }

    /// All layers were just updated.
    mutating func noteUpdate(_ layers: [Int: LayerState]) throws {
        known = try layers.mapValues { ($0, try $0.fastDigest()) }
    }

    /// The digests as of now, and which of them are not the remembered ones.
    func observation(layers: [LayerState]) throws -> StateObservation {
        var observation = StateObservation()
        for state in layers {
            let digest = try state.fastDigest()
            observation.digests[state.layer] = digest
            if let before = known[state.layer], before.digest != digest {
                observation.altered.insert(state.layer)
            }
        }
        return observation
    }
}
