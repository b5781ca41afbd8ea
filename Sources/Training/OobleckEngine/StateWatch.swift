import OobleckCore
import OobleckModels

/// Remembers the digest that each layer's state had right after this worker's own last update of
/// it, so that a change by anything else is known for one, whatever the other copies say.
struct StateWatch {
    private var known: [Int: (state: LayerState, digest: UInt64)] = [:]
    /// Layers that had changed when an update was applied to them: wrong until they are replaced.
    private var spoiled: Set<Int> = []

    /// Takes over the layers of a new plan: those that were here keep what is remembered.
    mutating func adopt(_ layers: [Int: LayerState]) throws {
        let before = known
        known = try layers.reduce(into: [:]) { result, entry in
            let (layer, state) = entry
            if let before = before[layer], before.state === state {
                result[layer] = before
            } else {
                result[layer] = (state, try state.fastDigest())
            }
        }
        spoiled = spoiled.filter { layer in
            before[layer].map { known[layer]?.state === $0.state } ?? false
        }
    }

    /// All layers were just updated, which gave `digests`.
    ///
    /// One that had changed since the vote took its damage along; the update makes it no better.
    mutating func noteUpdate(_ layers: [Int: LayerState], _ digests: UpdateDigests) {
        for (layer, state) in layers {
            if let before = known[layer], before.state === state,
                before.digest != digests.before(state)
            {
                spoiled.insert(layer)
            }
            known[layer] = (state, digests.after(state))
        }
    }

    /// Takes the state of a layer for what its update made of it, whatever it is.
    ///
    /// For staged faults of an update.
    mutating func trust(_ layer: Int, _ state: LayerState) throws {
        known[layer] = (state, try state.fastDigest())
    }

    /// Whether a layer is as this worker's own last update left it.
    func isIntact(_ layer: Int, _ state: LayerState) throws -> Bool {
        guard !spoiled.contains(layer) else { return false }
        guard let before = known[layer], before.state === state else { return true }
        return try before.digest == state.fastDigest()
    }

    /// The digests as of now, and which of them are not the remembered ones.
    func observation(layers: [LayerState]) throws -> StateObservation {
        var observation = StateObservation()
        for state in layers {
            let digest = try state.fastDigest()
            observation.digests[state.layer] = digest
            let isChanged = known[state.layer].map { $0.digest != digest } ?? false
            if isChanged || spoiled.contains(state.layer) {
                observation.altered.insert(state.layer)
            }
        }
        return observation
    }
}
