import OobleckTemplates
import OobleckValues

/// Puts named nodes on the places of an instantiation so that the fewest bytes are copied.
struct NodeAssignment {
    /// One place of one pipeline.
    private struct Slot {
        let pipeline: Int
        let layers: [Int]
        /// The memory load on a node; `nil` where no node has a known bound.
        let load: MemoryBound?
    }

    /// What each layer needs.
    let profile: ModelProfile
    /// What each node holds; empty before there is any state.
    let holdings: [NodeID: Set<Int>]
    /// Whether layers have a state that would have to be copied.
    let hasState: Bool
    /// The pipelines that the nodes come from.
    let previous: [Pipeline]
    /// Loads under which nodes ran out of memory.
    var bounds: [NodeID: [MemoryBound]] = [:]

    /// The most nodes that are placed exactly at once: the method takes a cubic number of steps.
    static let exactLimit = 256

    /// The nodes of each pipeline, in the order of its template's places.
    ///
    /// A node that holds exactly the layers of a place takes it first, in its own pipeline if
    /// possible. By the triangle inequality of set differences no other assignment copies fewer
    /// bytes. The remaining nodes, few after a failure, are placed exactly. If there are more than
    /// ``exactLimit``, they are placed in groups of that size, which is not exact. `nodes` are
    /// ascending.
    func pipelines(
        _ instantiation: Instantiation,
        templates: TemplateSet,
        nodes: [NodeID]
    ) -> (nodes: [[NodeID]], isExact: Bool) {
        var slots: [Slot] = []
        for (pipeline, size) in instantiation.nodeCounts.enumerated() {
            guard let template = templates.template(nodes: size) else {
                preconditionFailure("instantiation uses a template of \(size) nodes it lacks")
            }
            slots += template.layersByNode.enumerated().map { place, held in
                let load = bounds.isEmpty ? nil : template.load(ofNode: place, profile: profile)
                return Slot(pipeline: pipeline, layers: held, load: load)
            }
        }
        precondition(slots.count == nodes.count, "\(slots.count) slots, \(nodes.count) nodes")
        let origins = origins(of: instantiation.nodeCounts, nodes: Set(nodes))
        var nodeOfSlot = perfectFits(slots, nodes, origins)
        let placed = Set(nodeOfSlot.compactMap { $0 })
        var nodesLeft = nodes.filter { !placed.contains($0) }[...]
        var slotsLeft = slots.indices.filter { nodeOfSlot[$0] == nil }[...]
        let isExact = nodesLeft.count <= Self.exactLimit
        while !nodesLeft.isEmpty {
            let some = Array(nodesLeft.prefix(Self.exactLimit))
            let places = Array(slotsLeft.prefix(Self.exactLimit))
            nodesLeft = nodesLeft.dropFirst(some.count)
            slotsLeft = slotsLeft.dropFirst(places.count)
            let costs = costs(some, places.map { slots[$0] }, origins)
            for (row, column) in cheapestAssignment(costs, count: some.count).enumerated() {
                nodeOfSlot[places[column]] = some[row]
            }
        }
        var assigned = instantiation.nodeCounts.map { _ in [NodeID]() }
        for (slot, node) in zip(slots, nodeOfSlot.compactMap { $0 }) {
            assigned[slot.pipeline].append(node)
        }
        return (assigned, isExact)
    }

    /// The nodes that hold exactly what a place needs, by place.
    private func perfectFits(
        _ slots: [Slot],
        _ nodes: [NodeID],
        _ origins: [Set<NodeID>]
    ) -> [NodeID?] {
        var nodeOfSlot = [NodeID?](repeating: nil, count: slots.count)
        // A node that fits perfectly may have to leave its place to one that fits nowhere else.
        guard hasState, bounds.isEmpty else { return nodeOfSlot }
        // Nodes that hold the same layers are of one kind.
        var kinds: [[Int]: Int] = [:]
        for slot in slots { kinds[slot.layers] = kinds[slot.layers] ?? kinds.count }
        var kindOfNode: [NodeID: Int] = [:]
        for node in nodes {
            if let held = holdings[node] { kindOfNode[node] = kinds[held.sorted()] }
        }
        let homes = origins.map { $0.sorted() }
        for (index, slot) in slots.enumerated() {
            let kind = kinds[slot.layers]
            guard let node = homes[slot.pipeline].first(where: { kindOfNode[$0] == kind }) else {
                continue
            }
            nodeOfSlot[index] = node
            kindOfNode[node] = nil
        }
        var free = [[NodeID]](repeating: [], count: kinds.count)
        for node in nodes.reversed() {
            if let kind = kindOfNode[node] { free[kind].append(node) }
        }
        for (index, slot) in slots.enumerated() where nodeOfSlot[index] == nil {
            if let kind = kinds[slot.layers] { nodeOfSlot[index] = free[kind].popLast() }
        }
        return nodeOfSlot
    }

    private func costs(
        _ nodes: [NodeID],
        _ slots: [Slot],
        _ origins: [Set<NodeID>]
    ) -> [Int128] {
        // Places of one kind need the same, whatever their pipeline.
        var kinds: [[Int]: Int] = [:]
        for slot in slots { kinds[slot.layers] = kinds[slot.layers] ?? kinds.count }
        let kindOfSlot = slots.map { kinds[$0.layers] ?? 0 }
        return nodes.enumerated().flatMap { row, node in
            let held = holdings[node] ?? []
            var needs = [SlotCost](repeating: .zero, count: kinds.count)
            for (wanted, kind) in kinds where hasState {
                for layer in wanted where !held.contains(layer) {
                    needs[kind].bytes += profile.layers[layer].stateBytes.value
                    needs[kind].layers += 1
                }
            }
            let home = Set(origins.indices.filter { origins[$0].contains(node) })
            return slots.enumerated().map { column, slot in
                var cost = needs[kindOfSlot[column]]
                cost.moves = home.contains(slot.pipeline) ? 0 : 1
                cost.disorder = (row - column) * (row - column)
                guard let load = slot.load, let bounds = bounds[node],
                    !bounds.allSatisfy({ $0.allows(load) })
                else { return cost.packed }
                return cost.packed + SlotCost.forbidden
            }
        }
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
