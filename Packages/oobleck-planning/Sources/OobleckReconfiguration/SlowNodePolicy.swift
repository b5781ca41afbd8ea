public import OobleckValues

/// What to do about nodes that are slower than the others.
public enum SlowNodeDecision: Hashable, Sendable {
    /// Nothing: the plan in force is as good as any.
    case keep
    /// Change the plan; nodes that work now are left idle. Predicted step times before and after.
    case change(idling: [NodeID], before: Seconds, after: Seconds)
}

/// Whether the plan follows the speeds of the nodes (``ReconfigurationCosts``).
///
/// Which plan is best for nodes of such speeds is decided by ``Reconfigurator``, as for any other
/// change of the nodes.
public struct SlowNodePolicy: Sendable {
    /// Gain in the step time below which nothing is changed: measured speeds are not exact.
    private static let leastGain = 0.05

    let costs: ReconfigurationCosts

    /// A policy that charges these costs.
    public init(costs: ReconfigurationCosts) { self.costs = costs }

    /// Compares the plan in force with the best one for the speeds that are known now.
    public func decide(current: PlanDocument, proposed: PlanDocument) -> SlowNodeDecision {
        let before = current.stepTime(for: costs.slowness)
        let after = proposed.balanced(for: costs.slowness).plan.stepTime
        guard isWorthwhile(from: before, to: after, copying: proposed.transfers) else {
            return .keep
        }
        let idle = Set(current.plan.nodes).subtracting(proposed.plan.nodes).sorted()
        return .change(idling: idle, before: before, after: after)
    }

    /// Whether the faster steps until the next failure make up for changing the plan.
    private func isWorthwhile(
        from before: Seconds,
        to after: Seconds,
        copying transfers: [LayerTransfer]
    ) -> Bool {
        guard after > 0, before.value * (1 - Self.leastGain) > after.value else { return false }
        let change = costs.overhead + costs.transferTime(transfers)
        return costs.cost(step: before, transfer: .zero, fastest: after) > change.value
    }
}
