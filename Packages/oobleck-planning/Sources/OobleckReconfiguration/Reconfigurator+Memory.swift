import OobleckTemplates
import OobleckValues

extension Reconfigurator {
    /// The best plan of those in which all nodes can hold their part.
    mutating func decideWithinMemory(
        nodes: [NodeID],
        holdings: [NodeID: Set<Int>],
        hasState: Bool,
        generation: Generation,
        costs: ReconfigurationCosts,
        bounds: [NodeID: [MemoryBound]]
    ) -> ReconfigurationDecision {
        let earlier = previous
        var fitting = nodes
        // Each round leaves out at least one node.
        while true {
            let (decision, overloaded) = decide(
                fitting: fitting,
                holdings: holdings,
                hasState: hasState,
                generation: generation,
                costs: costs,
                bounds: bounds
            )
            guard !overloaded.isEmpty else {
                return leavingOut(Set(nodes).subtracting(fitting).sorted(), decision)
            }
            previous = earlier
            fitting.removeAll { overloaded.contains($0) }
        }
    }

    /// A decision, with the nodes that lack the memory for their part.
    private func leavingOut(
        _ nodes: [NodeID],
        _ decision: ReconfigurationDecision
    ) -> ReconfigurationDecision {
        guard !nodes.isEmpty else { return decision }
        let them = nodes.count == 1 ? "it" : "them"
        let who =
            "\(phrase(nodes)) ran out of memory before, and no place is light enough for \(them)"
        switch decision {
        case .plan(var document, let isCovered):
            document.idleNodes = Set(document.idleNodes).union(nodes).sorted()
            document.reason += "; idle: \(who)"
            return .plan(document, coversFaultTolerance: isCovered)
        case .tooFewNodes(let alive, let minimum, let reason):
            return .tooFewNodes(
                alive: alive,
                minimum: minimum,
                reason: "\(reason); besides, \(who)"
            )
        case .lostLayers: return decision
        }
    }
}
