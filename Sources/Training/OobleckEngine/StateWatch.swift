import OobleckCore
import OobleckModels

/// Remembers the digest of each layer's state directly after this worker's own last update.
///
/// So any other change of the state is detected, independent of other copies.
struct StateWatch {
    private var known: [Int: (state: LayerState, digest: UInt64)] = [:]
    /// Layers that had changed when an update was applied to them: wrong until they are replaced.
    private var spoiled: Set<Int> = []

    /// Adopts the layers of a new plan; layers that the worker already held keep their digests.
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
    /// A layer that had changed since the vote stays damaged: the update does not repair it.
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

    /// Accepts the present state of a layer as the result of its update.
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
