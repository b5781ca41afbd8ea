import OobleckReconfiguration
import OobleckValues

extension OobleckPolicy {
    /// Learns that nodes are slow; whether the plan changes, by ``SlowNodePolicy``, which the
    /// coordinator asks too.
    mutating func adapt(to slow: [Int], _ view: ClusterView) -> Bool {
        for node in slow where view.alive.contains(node) {
            slowness[NodeID(node)] = view.slowFactors[node]
        }
        guard !slow.isEmpty, let document, !isHalted else { return false }
        var trial = reconfigurator
        let decision = trial.decide(
            nodes: view.alive.all.filter { !drained.contains($0) }.map { NodeID($0) },
            holdings: holdings,
            hasState: true,
            generation: generation?.next ?? 0,
            costs: costs(view)
        )
        guard case .plan(let proposed, let isCovered) = decision,
            isCovered || !coversFaultTolerance
        else { return false }
        return SlowNodePolicy(costs: costs(view)).decide(current: document, proposed: proposed)
            != .keep
    }

    /// By the stages of the plan in force, of which only some are on slow nodes.
    public func step(of training: PolicyAnswer.Training, slow: [Int: Double]) -> SimulatedTime? {
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
