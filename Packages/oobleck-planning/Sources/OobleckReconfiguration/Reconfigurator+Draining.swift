public import OobleckValues

extension Reconfigurator {
    /// The plan without the nodes that drain, as far as there is one without them.
    ///
    /// The latest drains are given up while too few nodes are left otherwise.
    ///
    /// - Parameters:
    ///   - nodes: The nodes that live, newcomers and draining ones included.
    ///   - draining: Those of them that are to go, ascending.
    ///   - holdings: See ``decide(nodes:holdings:hasState:generation:costs:bounds:)``.
    ///   - hasState: See there.
    ///   - generation: See there.
    ///   - costs: See there.
    ///   - bounds: See there.
    /// - Returns: The decision, and the nodes that have to stay, with the reason for each.
    public mutating func decide(
        nodes: [NodeID],
        draining: [NodeID],
        holdings: [NodeID: Set<Int>],
        hasState: Bool,
        generation: Generation,
        costs: ReconfigurationCosts,
        bounds: [NodeID: [MemoryBound]] = [:]
    ) -> (decision: ReconfigurationDecision, kept: [(node: NodeID, reason: String)]) {
        var draining = draining
        var kept: [(node: NodeID, reason: String)] = []
        while true {
            let decision = decide(
                nodes: nodes.filter { !draining.contains($0) },
                holdings: holdings,
                hasState: hasState,
                generation: generation,
                costs: costs,
                bounds: bounds
            )
            guard case .tooFewNodes(_, _, let reason) = decision, let node = draining.popLast()
            else { return (decision, kept) }
            kept.append((node, reason))
        }
    }
}
