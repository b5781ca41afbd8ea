import OobleckCore

/// What befalls the state of a worker in its memory, and what the worker itself notices of it.
///
/// As in the engine: the worker knows what its own last update left, so any later change shows. What
/// changes during the update itself shows only in a comparison with other copies.
struct StateDamage {
    typealias LayerState = SimulatedWorker.LayerState

    /// A layer whose next update is damaged while it is written.
    var nextUpdate: Int?
    /// Whether one of its sums is damaged in the next step.
    var nextSum = false
    /// Layers that were damaged during an update, and still are.
    private(set) var unnoticed: Set<Int> = []
    /// What the last update left of each layer.
    private var known: [Int: UInt64] = [:]
    /// Layers that had changed when an update was applied to them.
    private var spoiled: Set<Int> = []

    /// A bit of a layer flips; returns what it is then.
    static func flipped(_ state: LayerState, bit: Int) -> LayerState {
        LayerState(steps: state.steps, value: state.value ^ (1 << UInt64(bit % 64)))
    }

    /// The worker holds these layers from now on, and held some of them before.
    mutating func adopt(_ layers: [Int: LayerState], keeping kept: Set<Int>) {
        let before = known
        known = layers.mapValues(\.value)
        for layer in kept { known[layer] = before[layer] ?? known[layer] }
        spoiled.formIntersection(kept)
        unnoticed.formIntersection(kept)
    }

    /// A layer was updated; a bit may flip meanwhile where the copy is compared with others.
    mutating func noteUpdate(
        _ layer: Int,
        from before: LayerState,
        to after: inout LayerState?,
        hasCopies: Bool
    ) {
        if let known = known[layer], known != before.value { spoiled.insert(layer) }
        if hasCopies, nextUpdate == layer, let updated = after {
            after = Self.flipped(updated, bit: updated.steps)
            nextUpdate = nil
            unnoticed.insert(layer)
        }
        known[layer] = after?.value
    }

    /// The layer whose sum is damaged in this step.
    mutating func takeSum(_ layers: [Int: LayerState]) -> Int? {
        guard nextSum else { return nil }
        nextSum = false
        return layers.keys.min()
    }

    /// Whether a layer is as the worker's own last update left it.
    func isIntact(_ layer: Int, _ state: LayerState?) -> Bool {
        guard !spoiled.contains(layer), let known = known[layer], let state else {
            return !spoiled.contains(layer)
        }
        return known == state.value
    }

    /// The layers that are not.
    func layers(of held: [Int: LayerState]) -> Set<Int> {
        Set(held.filter { !isIntact($0.key, $0.value) }.keys)
    }

    func isAny(_ held: [Int: LayerState]) -> Bool {
        nextUpdate != nil || nextSum || !unnoticed.isEmpty || !layers(of: held).isEmpty
    }

    /// What the worker says of its state with a vote.
    func observation(_ held: [Int: LayerState]) -> StateObservation {
        StateObservation(digests: held.mapValues(\.value), altered: layers(of: held))
    }
}
