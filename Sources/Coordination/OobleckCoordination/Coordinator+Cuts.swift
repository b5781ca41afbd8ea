import OobleckCore
import OobleckReconfiguration

/// Links between nodes over which groups could not be formed.
struct CutAccount: Sendable {
    /// Two nodes, the lower first.
    struct Link: Hashable, Sendable {
        let nodes: [NodeID]

        init(_ one: NodeID, _ other: NodeID) { nodes = [min(one, other), max(one, other)] }
    }

    /// Generations that have to fail at the same link before it counts as cut.
    static let limit = 2

    /// The step at which all of this was seen.
    private var step = 0
    private var failures: [Link: Set<Generation>] = [:]

    init(step: Int = 0) { self.step = step }

    /// A node could not connect to these others.
    mutating func note(_ node: NodeID, _ others: [NodeID], _ generation: Generation, step: Int) {
        if step != self.step { self = CutAccount(step: step) }
        for other in others where other != node {
            failures[Link(node, other), default: []].insert(generation)
        }
    }

    /// The links that count as cut, between nodes of which none is out.
    func cut(among nodes: Set<NodeID>) -> [Link] {
        failures.filter { $0.value.count >= Self.limit && nodes.isSuperset(of: $0.key.nodes) }
            .keys.sorted { $0.nodes.lexicographicallyPrecedes($1.nodes) }
    }
}

extension Coordinator {
    /// Puts one node out where two living ones lastingly do not reach each other.
    ///
    /// It is the one with the most cut links, as it is named by the most peers. On a tie it is one
    /// whose loss leaves every layer with a holder; of several the one without which steps are
    /// predicted to take the least time, then the one with the fewest bytes to copy, then the one
    /// with the highest number.
    ///
    /// Returns whether a node was put out.
    mutating func resolveCut(now: Seconds) -> Bool {
        let usable = Set(usableNodes)
        let links = troubles.cuts.cut(among: usable)
        var count: [NodeID: Int] = [:]
        for link in links { for node in link.nodes { count[node, default: 0] += 1 } }
        guard let most = count.values.max() else { return false }
        let tied = count.filter { $0.value == most }.keys.sorted()
        let loss = tied.map { ($0, cost(ofLosing: $0)) }.min { left, right in
            let (a, b) = (left.1, right.1)
            // More layers without a holder are worse, and the higher number goes.
            return (a.lostLayers, a.step, a.bytes, right.0) < (
                b.lostLayers, b.step, b.bytes, left.0
            )
        }
        guard let node = loss?.0 else { return false }
        let others = links.flatMap { $0.nodes.contains(node) ? $0.nodes.filter { $0 != node } : [] }
        let cause = LossCause.cut(from: others.sorted(), generations: CutAccount.limit)
        lose([LostNode(id: node, cause: cause, firstSign: nil)], now: now)
        return true
    }

    private func cost(
        ofLosing node: NodeID
    ) -> (lostLayers: Int, step: Double, bytes: Int) {
        let others = usableNodes.filter { $0 != node }
        var holdings = holdings
        holdings[node] = nil
        let held = Set(holdings.values.joined())
        let lost = committedSteps > 0 ? profile.layers.indices.filter { !held.contains($0) } : []
        var trial = reconfigurator
        let decision = trial.decide(
            nodes: others,
            holdings: holdings,
            hasState: committedSteps > 0,
            generation: lastGeneration?.next ?? 0,
            costs: costs(now: lastAtWork ?? 0),
            bounds: memoryBounds
        )
        guard case .plan(let document, _) = decision else { return (lost.count, .infinity, .max) }
        let bytes = document.transfers.reduce(ByteCount.zero) { $0 + $1.bytes }
        return (lost.count, document.plan.stepTime.value, bytes.value)
    }
}
