import OobleckCore

/// Whether all copies of every layer are the same, by the digests in the votes of one step.
///
/// A holder whose own state changed since its own last update is wrong, by its own word. Among the
/// others the majority is right. Without one nobody can be told from the others.
package enum StateAgreement: Hashable {
    case agreed
    /// Copies that differ from the right ones, by node.
    case damaged([NodeID: Set<Int>])
    /// Nobody knows which of a layer's copies is right.
    case undecided(layer: Int, nodes: [NodeID])

    /// Looks at the layers that each node holds.
    ///
    /// Nodes that took no digests are passed over. Costs one pass over all digests.
    package init(_ observations: [NodeID: StateObservation]) {
        var copies: [Int: [UInt64: [NodeID]]] = [:]
        var damaged: [NodeID: Set<Int>] = [:]
        for (node, observation) in observations.sorted(by: { $0.key < $1.key }) {
            for (layer, digest) in observation.digests {
                if observation.altered.contains(layer) {
                    damaged[node, default: []].insert(layer)
                } else {
                    copies[layer, default: [:]][digest, default: []].append(node)
                }
            }
        }
        for (layer, groups) in copies.sorted(by: { $0.key < $1.key }) where groups.count > 1 {
            let total = groups.values.reduce(0) { $0 + $1.count }
            guard let right = groups.first(where: { 2 * $0.value.count > total })?.key else {
                self = .undecided(layer: layer, nodes: groups.values.joined().sorted())
                return
            }
            for (digest, nodes) in groups where digest != right {
                for node in nodes { damaged[node, default: []].insert(layer) }
            }
        }
        self = damaged.isEmpty ? .agreed : .damaged(damaged)
    }
}
