import OobleckValues

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
        var nodes = NumberedNodes(needed.map(\.node))
        var transfers: [LayerTransfer] = []
        var sources = [[Int]](repeating: [], count: layers.count)
        for (node, wanted) in needed {
            for layer in wanted where !holders[layer].contains(node) {
                if sources[layer].isEmpty { sources[layer] = nodes.sources(holders[layer]) }
                guard let source = nodes.leastLoaded(sources[layer]) else {
                    preconditionFailure("layer \(layer) has no holder")
                }
                let bytes = layers[layer].stateBytes
                nodes.load[source].bytes += bytes.value
                nodes.load[source].layers += 1
                transfers.append(
                    LayerTransfer(
                        layer: layer,
                        fromNode: nodes.nodes[source],
                        toNode: node,
                        bytes: bytes
                    )
                )
            }
        }
        return transfers
    }
}

/// Nodes by their place in a list, and what each has to send: hashing each node whenever it is
/// compared with another would take most of the time of a decision.
private struct NumberedNodes {
    private(set) var nodes: [NodeID]
    var load: [(bytes: Int, layers: Int)]
    /// Of the nodes of the plan, which come first.
    private let planned: [NodeID: Int]

    init(_ planned: [NodeID]) {
        nodes = planned
        load = Array(repeating: (0, 0), count: planned.count)
        self.planned = Dictionary(
            planned.enumerated().map { ($1, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// The holders in the plan, in their order; all, if none is.
    mutating func sources(_ holders: [NodeID]) -> [Int] {
        let inside = holders.compactMap { planned[$0] }
        return inside.isEmpty ? holders.map { outside($0) } : inside
    }

    private mutating func outside(_ node: NodeID) -> Int {
        if let known = nodes[planned.count...].firstIndex(of: node) { return known }
        nodes.append(node)
        load.append((0, 0))
        return nodes.count - 1
    }

    /// The one with the fewest bytes, then the fewest layers, then the first, which has the lowest
    /// number.
    func leastLoaded(_ sources: [Int]) -> Int? {
        guard var least = sources.first else { return nil }
        for source in sources.dropFirst() {
            let (its, best) = (load[source], load[least])
            if (its.bytes, its.layers) < (best.bytes, best.layers) { least = source }
        }
        return least
    }
}
