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

    /// How many times slower each slow node is than its peers: as its slowest worker.
    var byNode: [NodeID: Double] {
        tracker.slowness.reduce(into: [:]) { factors, worker in
            factors[worker.key.node] = max(factors[worker.key.node] ?? 0, worker.value)
        }
    }
}

extension Coordinator {
    /// Learns from the votes of a step how fast nodes are, and has the plan follow.
    mutating func observeSpeeds(_ tally: StepTally, under plan: CoordinatorPlan) {
        guard committedSteps >= troubles.slowness.measuredFrom,
            !knownBugs.contains(.slownessUnseen)
        else { return }
        var microbatches: [WorkerID: Int] = [:]
        for pipeline in plan.document.plan.pipelines {
            for worker in plan.reconfiguration.workers(of: pipeline) {
                microbatches[worker] = pipeline.microbatches
            }
        }
        let times = tally.votes.reduce(into: [WorkerID: [Int: Seconds]]()) { times, vote in
            let held = plan.layersByWorker[vote.key] ?? []
            times[vote.key] = vote.value.layerTimes.filter { held.contains($0.key) }
        }
        let idle = Set(usableNodes).subtracting(plan.document.plan.nodes)
        let changed = troubles.slowness.tracker.add(
            times,
            microbatches: microbatches,
            keeping: Set(idle.flatMap { connectedWorkers(of: $0) })
        )
        for node in changed.nodes { report(node) }
        if !changed.isEmpty || !troubles.slowness.tracker.slowness.isEmpty {
            troubles.slowness.wantsLook = true
        }
        guard troubles.slowness.wantsLook, committedSteps >= troubles.slowness.settledFrom else {
            return
        }
        troubles.slowness.wantsLook = false
        adapt(plan)
    }

    private mutating func report(_ node: NodeID) {
        log(.slow(node, troubles.slowness.byNode[node].map { nodeSlowness(of: node, factor: $0) }))
    }

    private func nodeSlowness(of node: NodeID, factor: Double) -> NodeSlowness {
        let slowest = troubles.slowness.tracker.slowness.filter { $0.key.node == node }
            .max { ($0.value, $1.key) < ($1.value, $0.key) }
        let compared = slowest.flatMap { troubles.slowness.tracker.comparisons[$0.key] }
        return NodeSlowness(factor: factor, own: compared?.own, peers: compared?.peers)
    }

    /// Has the plan follow the speeds if that takes less time until the next failure: microbatches
    /// move, or slow nodes are set aside until a later plan has work for them.
    private mutating func adapt(_ plan: CoordinatorPlan) {
        let costs = costs(now: lastAtWork ?? 0)
        guard let proposed = planForSpeeds(after: plan, costs) else { return }
        let decision = SlowNodePolicy(costs: costs)
            .decide(current: plan.document, proposed: proposed)
        guard case .change(let idle, let before, let after) = decision else { return }
        for node in idle {
            let slowness = nodeSlowness(of: node, factor: costs.slowness[node] ?? 1)
            log(.setAside(node, slowness, stepWithout: after, stepWith: before))
        }
        if idle.isEmpty { log(.rebalanced(before: before, after: after)) }
        if knownBugs.contains(.slowNodesLetGo) {
            for node in idle { members[node]?.isDraining = true }
        }
        troubles.slowness.settledFrom = committedSteps + 1 + SlownessAccount.pause
        demand.isWanted = true
    }

    /// The best plan for the speeds that are known now, which covers as many failures as `plan`
    /// does.
    private func planForSpeeds(
        after plan: CoordinatorPlan,
        _ costs: ReconfigurationCosts
    ) -> PlanDocument? {
        var trial = reconfigurator
        let decision = trial.decide(
            nodes: usableNodes.filter { members[$0]?.isDraining == false },
            holdings: holdings,
            hasState: true,
            generation: plan.generation.next,
            costs: costs,
            bounds: memoryBounds
        )
        guard case .plan(let document, let isCovered) = decision,
            isCovered || !demand.coversFaultTolerance
        else { return nil }
        return document
    }

    /// A decided plan with its microbatches apportioned to the speeds that are known.
    func apportioned(_ document: PlanDocument) -> PlanDocument {
        let factors = troubles.slowness.byNode
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
