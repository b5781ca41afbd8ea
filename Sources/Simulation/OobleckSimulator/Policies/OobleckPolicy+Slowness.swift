import OobleckCore
import OobleckReconfiguration

extension OobleckPolicy {
    /// Learns that nodes are slow, and decides by ``SlowNodePolicy``, which the coordinator asks too,
    /// whether microbatches move or the slowest nodes are let go; whether the plan changes.
    mutating func adapt(to slow: [Int], _ view: ClusterView) -> Bool {
        for node in slow where view.alive.contains(node) {
            slowness[NodeID(node)] = view.slowFactors[node]
        }
        guard !slow.isEmpty, let document, !isHalted else { return false }
        // The slowest first, the lowest number on a tie.
        let staying = slowness.filter { !drained.contains($0.key.rawValue) }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        let alternatives = staying.indices.compactMap { last in
            let nodes = Array(staying[...last])
            return plan(without: nodes, view).map { (nodes: nodes, plan: $0) }
        }
        let decision = SlowNodePolicy(costs: costs(view)).decide(
            current: document,
            slowness: slowness,
            alternatives: alternatives
        )
        switch decision {
        case .keep: return false
        case .rebalance: return true
        case .evict(let nodes, _, _):
            for node in nodes { drained.insert(node.rawValue) }
            return true
        }
    }

    /// The best plan without these nodes that survives as many losses as the one in force.
    private func plan(without nodes: [NodeID], _ view: ClusterView) -> PlanDocument? {
        let others = view.alive.all.filter { !drained.contains($0) }.map { NodeID($0) }
            .filter { !nodes.contains($0) }
        guard !others.isEmpty else { return nil }
        var trial = reconfigurator
        let decision = trial.decide(
            nodes: others,
            holdings: holdings,
            hasState: true,
            generation: generation?.next ?? 0,
            costs: costs(view)
        )
        guard case .plan(let document, let isCovered) = decision,
            isCovered || !coversFaultTolerance
        else { return nil }
        return document
    }

    /// By the stages of the plan in force, of which only some are on slow nodes.
    public func step(of training: Training, slow: [Int: Double]) -> SimulatedTime? {
        guard isExact, let document else { return nil }
        let factors = Dictionary(uniqueKeysWithValues: slow.map { (NodeID($0), $1) })
        return SimulatedTime(document.stepTime(for: factors))
    }

    /// Leaves out slow nodes if the others alone are faster; whether any.
    mutating func evict(_ slow: [Int], _ view: ClusterView) -> Bool {
        let candidates = slow.filter { view.alive.contains($0) && !drained.contains($0) }
        let factor = candidates.compactMap { view.slowFactors[$0] }.max() ?? 1
        let count = view.alive.count - drained.count
        guard factor > 1, let with = step(nodes: count),
            let without = step(nodes: count - candidates.count),
            Double(without.step.nanoseconds) < factor * Double(with.step.nanoseconds)
        else { return false }
        for node in candidates { drained.insert(node) }
        return true
    }
}
