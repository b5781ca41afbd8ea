import OobleckCore
import OobleckReconfiguration

/// What is known of the nodes' speeds, and when a plan was last changed for it.
struct SlownessAccount: Sendable {
    /// Steps after a change of the plan in which speeds are not judged by it.
    static let pause = SpeedTracker.window

    var tracker = SpeedTracker()
    /// The first step of a plan pays for the plan itself, and says nothing of speeds.
    var measuredFrom = 1
    /// The step from which on the plan may be changed for speeds again.
    var settledFrom = 0
    /// Whether speeds have changed since the plan was last looked at.
    var wantsLook = false
}

extension Coordinator {
    /// Learns from the votes of a step how fast nodes are, and has the plan follow.
    mutating func observeSpeeds(under plan: CoordinatorPlan) {
        guard committedSteps >= slowness.measuredFrom else { return }
        var microbatches: [NodeID: Int] = [:]
        for pipeline in plan.document.plan.pipelines {
            for node in pipeline.nodes { microbatches[node] = pipeline.microbatches }
        }
        let times = tally.votes.reduce(into: [NodeID: [Int: Seconds]]()) { times, vote in
            let held = plan.layersByNode[vote.key] ?? []
            times[vote.key] = vote.value.layerTimes.filter { held.contains($0.key) }
        }
        let changed = slowness.tracker.add(times, microbatches: microbatches)
        for node in changed { report(node) }
        if !changed.isEmpty || !slowness.tracker.slowness.isEmpty { slowness.wantsLook = true }
        guard slowness.wantsLook, committedSteps >= slowness.settledFrom else { return }
        slowness.wantsLook = false
        adapt(plan)
    }

    private mutating func report(_ node: NodeID) {
        log(.slow(node, slowness.tracker.slowness[node].map { nodeSlowness(of: node, factor: $0) }))
    }

    private func nodeSlowness(of node: NodeID, factor: Double) -> NodeSlowness {
        let compared = slowness.tracker.comparisons[node]
        return NodeSlowness(factor: factor, own: compared?.own, peers: compared?.peers)
    }

    /// Moves microbatches or lets slow nodes go, whichever takes less time until the next failure.
    private mutating func adapt(_ plan: CoordinatorPlan) {
        let factors = slowness.tracker.slowness
        let slow = factors.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
            .filter { (factors[$0] ?? 1) >= SpeedTracker.slowFrom && isStaying($0) }
        // The slowest alone, the two slowest, ...
        let alternatives = slow.indices.compactMap { last in
            let nodes = Array(slow[...last])
            return planWithout(nodes, than: plan).map { (nodes: nodes, plan: $0) }
        }
        let decision = SlowNodePolicy(costs: costs(now: lastAtWork ?? 0)).decide(
            current: plan.document,
            slowness: factors,
            alternatives: alternatives
        )
        switch decision {
        case .keep: return
        case .rebalance(let before, let after):
            log(.rebalanced(before: before, after: after))
        case .evict(let nodes, let kept, let without):
            for node in nodes {
                members[node]?.isDraining = true
                members[node]?.isEvicted = true
                let slowness = nodeSlowness(of: node, factor: factors[node] ?? 1)
                log(.evicted(node, slowness, stepWithout: without, stepWith: kept))
            }
        }
        slowness.settledFrom = committedSteps + 1 + SlownessAccount.pause
        wantsNewPlan = true
    }

    private func isStaying(_ node: NodeID) -> Bool { members[node]?.isDraining == false }

    /// The best plan without these nodes that covers as many failures as `plan` does.
    private func planWithout(_ nodes: [NodeID], than plan: CoordinatorPlan) -> PlanDocument? {
        let others = usableNodes.filter { !nodes.contains($0) && isStaying($0) }
        guard !others.isEmpty else { return nil }
        var trial = reconfigurator
        let decision = trial.decide(
            nodes: others,
            holdings: holdings,
            hasState: true,
            generation: plan.generation.next,
            costs: costs(now: lastAtWork ?? 0),
            bounds: memoryBounds
        )
        guard case .plan(let document, let isCovered) = decision,
            isCovered || !coversFaultTolerance
        else { return nil }
        return document
    }

    /// A decided plan with its microbatches apportioned to the speeds that are known.
    func apportioned(_ document: PlanDocument) -> PlanDocument {
        let factors = slowness.tracker.slowness
        guard document.plan.nodes.contains(where: { factors[$0] != nil }) else { return document }
        var balanced = document.balanced(for: factors)
        let slow = factors.keys.sorted().filter { balanced.plan.nodes.contains($0) }
        let list = slow.map { "node \($0) by \(Self.tenths(Seconds(factors[$0] ?? 1)))" }
        let counts = balanced.plan.pipelines.map { "\($0.microbatches)" }.joined(separator: "+")
        balanced.reason +=
            "; slower than their peers: \(list.joined(separator: ", ")), so \(counts) microbatches"
        return balanced
    }
}
