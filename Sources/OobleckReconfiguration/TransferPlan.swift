import OobleckCore

/// Chooses from which node each missing layer is copied, and spreads the load over all holders.
struct TransferPlan {
    /// State of each layer.
    let layers: [LayerProfile]
    /// The nodes that hold each layer, ascending.
    ///
    /// Never empty when there is something to copy.
    let holders: [[NodeID]]

    /// The copies that bring every node what it needs: each from the holder with the fewest bytes
    /// to send so far, then the fewest layers, then the lowest number.
    ///
    /// Nodes of the plan send before nodes that stay outside of it.
    func transfers(needed: [(node: NodeID, layers: [Int])]) -> [LayerTransfer] {
        let planned = Set(needed.map(\.node))
        var load: [NodeID: (bytes: Int, layers: Int)] = [:]
        var transfers: [LayerTransfer] = []
        var sources: [Int: [NodeID]] = [:]
        for (node, wanted) in needed {
            for layer in wanted where !holders[layer].contains(node) {
                let candidates = sources[layer] ?? self.sources(of: layer, planned)
                sources[layer] = candidates
                let source = candidates.min { left, right in
                    let (leftLoad, rightLoad) = (load[left] ?? (0, 0), load[right] ?? (0, 0))
                    return (leftLoad.bytes, leftLoad.layers, left.rawValue)
                        < (rightLoad.bytes, rightLoad.layers, right.rawValue)
                }
                guard let source else { preconditionFailure("layer \(layer) has no holder") }
                let bytes = layers[layer].stateBytes
                load[source, default: (0, 0)].bytes += bytes.value
                load[source, default: (0, 0)].layers += 1
                transfers.append(
                    LayerTransfer(layer: layer, fromNode: source, toNode: node, bytes: bytes)
                )
            }
        }
        return transfers
    }

    /// The holders in the plan; all, if none is.
    private func sources(of layer: Int, _ planned: Set<NodeID>) -> [NodeID] {
        let inside = holders[layer].filter { planned.contains($0) }
        return inside.isEmpty ? holders[layer] : inside
    }
}
