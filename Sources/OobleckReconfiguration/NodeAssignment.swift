import OobleckCore
import OobleckPlanning

/// Puts named nodes on the places of an instantiation so that the fewest bytes are copied.
struct NodeAssignment {
    /// One place of one pipeline.
    private struct Slot {
        let pipeline: Int
        let layers: [Int]
    }

    /// State of each layer.
    let layers: [LayerProfile]
    /// What each node holds; empty before there is any state.
    let holdings: [NodeID: Set<Int>]
    /// Whether layers have a state that would have to be copied.
    let hasState: Bool
    /// The pipelines that the nodes come from.
    let previous: [Pipeline]

    /// The nodes of each pipeline, in the order of its template's places.
    ///
    /// `nodes` are ascending.
    func pipelines(
        _ instantiation: Instantiation,
        templates: TemplateSet,
        nodes: [NodeID]
    ) -> [[NodeID]] {
        var slots: [Slot] = []
        for (pipeline, size) in instantiation.nodeCounts.enumerated() {
            guard let template = templates.template(nodes: size) else {
                preconditionFailure("instantiation uses a template of \(size) nodes it lacks")
            }
            slots += (0..<size).map {
                Slot(pipeline: pipeline, layers: template.layers(ofNode: $0))
            }
        }
        precondition(slots.count == nodes.count, "\(slots.count) slots, \(nodes.count) nodes")
        let origins = origins(of: instantiation.nodeCounts, nodes: Set(nodes))
        let costs = nodes.enumerated().map { row, node in
            slots.enumerated().map { column, slot in
                let isAtHome = origins[slot.pipeline].contains(node)
                var cost = SlotCost(
                    moves: isAtHome ? 0 : 1,
                    disorder: (row - column) * (row - column)
                )
                for layer in slot.layers where hasState && !holds(node, layer) {
                    cost.bytes += layers[layer].stateBytes.value
                    cost.layers += 1
                }
                return cost
            }
        }
        var assigned = instantiation.nodeCounts.map { _ in [NodeID]() }
        var nodeOfSlot = nodes
        for (row, column) in cheapestAssignment(costs).enumerated() {
            nodeOfSlot[column] = nodes[row]
        }
        for (slot, node) in zip(slots, nodeOfSlot) { assigned[slot.pipeline].append(node) }
        return assigned
    }

    private func holds(_ node: NodeID, _ layer: Int) -> Bool {
        holdings[node]?.contains(layer) ?? false
    }

    /// For each new pipeline, the nodes of the old pipeline that it continues: one that is whole
    /// and as large, else the one with the most nodes left.
    ///
    /// Only decides ties.
    private func origins(of sizes: [Int], nodes: Set<NodeID>) -> [Set<NodeID>] {
        var remaining = previous.map { nodes.intersection($0.nodes) }
        var origins = [Set<NodeID>?](repeating: nil, count: sizes.count)
        for (index, size) in sizes.enumerated() {
            let whole = remaining.indices.first {
                remaining[$0].count == size && previous[$0].nodes.count == size
            }
            guard let whole else { continue }
            origins[index] = remaining[whole]
            remaining[whole] = []
        }
        return sizes.indices.reversed().map { index in
            if let origin = origins[index] { return origin }
            let largest = remaining.indices.max {
                (remaining[$0].count, -$0) < (remaining[$1].count, -$1)
            }
            guard let largest else { return [] }
            defer { remaining[largest] = [] }
            return remaining[largest]
        }
        .reversed()
    }
}
