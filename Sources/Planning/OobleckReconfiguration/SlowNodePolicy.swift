import OobleckCore

/// What to do about nodes that are slower than the others.
package enum SlowNodeDecision: Hashable, Sendable {
    /// Nothing: the plan in force is as good as any.
    case keep
    /// Move microbatches; predicted step times before and after.
    case rebalance(before: Seconds, after: Seconds)
    /// Remove these nodes; predicted step times with them and without them.
    case evict([NodeID], kept: Seconds, without: Seconds)
}

/// Compares the responses to slow nodes by the time that training takes until the next failure,
/// like any other reconfiguration (``ReconfigurationCosts``).
package struct SlowNodePolicy: Sendable {
    /// Gain in the step time below which nothing is changed: measured speeds are not exact.
    private static let leastGain = 0.05

    let costs: ReconfigurationCosts

    package init(costs: ReconfigurationCosts) { self.costs = costs }

    /// Decides for the plan in force.
    ///
    /// - Parameters:
    ///   - current: The plan in force.
    ///   - slowness: How many times longer each slow node takes than the profile says.
    ///   - alternatives: Sets of nodes that may be done without, each with the best plan that
    ///     does and covers as many failures as the plan in force.
    /// - Returns: What takes the least time until the next failure.
    package func decide(
        current: PlanDocument,
        slowness: [NodeID: Double],
        alternatives: [(nodes: [NodeID], plan: PlanDocument)]
    ) -> SlowNodeDecision {
        let now = current.stepTime(for: slowness)
        let kept = current.balanced(for: slowness).plan.stepTime
        let others = alternatives.map { $0.plan.balanced(for: slowness) }
        let fastest = others.map(\.plan.stepTime).reduce(kept) { min($0, $1) }
        var best = costs.cost(step: kept, transfer: .zero, fastest: fastest)
        var evicted: (nodes: [NodeID], step: Seconds)?
        for (alternative, other) in zip(alternatives, others) {
            let cost = costs.cost(
                step: other.plan.stepTime,
                transfer: costs.transferTime(other.transfers),
                fastest: fastest
            )
            guard cost < best, isWorthwhile(from: kept, to: other.plan.stepTime) else { continue }
            best = cost
            evicted = (alternative.nodes, other.plan.stepTime)
        }
        if let evicted { return .evict(evicted.nodes, kept: kept, without: evicted.step) }
        return isWorthwhile(from: now, to: kept) ? .rebalance(before: now, after: kept) : .keep
    }

    /// Whether the faster steps until the next failure make up for changing the plan.
    private func isWorthwhile(from before: Seconds, to after: Seconds) -> Bool {
        guard after > 0, before.value * (1 - Self.leastGain) > after.value else { return false }
        return costs.cost(step: before, transfer: .zero, fastest: after) > costs.overhead.value
    }
}
