import OobleckCore

/// The judge's own account of which nodes are slow, and of what the coordinator says of that.
struct SpeedJudgement: Sendable {
    /// Steps of one plan after which a node that got slow, or fast again, must have been noticed: one
    /// more than the coordinator looks at.
    private static let patience = 6
    /// A measured factor is a mean of times, and other nodes were slow as well.
    private static let tolerance = 1.15

    /// Whether some nodes report times that cannot have been measured: then less is found.
    var isDisturbed = false
    /// How many times slower workers are now.
    private var slow: [WorkerID: Double] = [:]
    /// The most that workers ever were, and the steps that they computed since it ended.
    private var past: [WorkerID: (factor: Double, steps: Int)] = [:]
    /// Nodes that the coordinator takes for slow.
    private var known: Set<NodeID> = []
    /// Steps of the plan in force that a worker computed since it got slow, or fast again.
    private var streaks: [WorkerID: Int] = [:]
    private var newest: CommittedStep?

    /// A worker gets slow; returns false if one of its node is slow already.
    mutating func slowed(_ worker: WorkerID, _ factor: Double) -> Bool {
        guard !slow.keys.nodes.contains(worker.node) else { return false }
        slow[worker] = factor
        past[worker] = (max(factor, past[worker]?.factor ?? 1), 0)
        streaks[worker] = 0
        return true
    }

    mutating func hastened(_ worker: WorkerID) {
        slow[worker] = nil
        streaks[worker] = 0
    }

    /// Another coordinator knows no speeds.
    mutating func restart() { (known, streaks) = ([], [:]) }

    /// The coordinator says that a node is slow, or not any more; returns what is wrong with that.
    mutating func said(_ node: NodeID, factor: Double?) -> String? {
        guard let factor else {
            known.remove(node)
            return nil
        }
        known.insert(node)
        return blame(node, factor: factor)
    }

    /// What is wrong with taking a node for so slow.
    func blame(_ node: NodeID, factor: Double) -> String? {
        let recent = past.filter { $0.key.node == node && $0.value.steps <= Self.patience }
        guard let most = recent.values.map(\.factor).max() else {
            return "node \(node) is taken for slow, and is not"
        }
        guard factor <= most * Self.tolerance else {
            return "node \(node) is taken for \(factor) times slower, and is by \(most)"
        }
        return nil
    }

    /// A plan follows from speeds; returns what is wrong with that.
    ///
    /// Microbatches move back as well, once a node is fast again.
    var blameForPlan: String? { past.isEmpty ? "no node is slow" : nil }

    /// A step is recorded; returns what should have been noticed by now.
    mutating func recorded(_ step: CommittedStep, _ plan: WorldJudge.KnownPlan) -> String? {
        defer { newest = step }
        // The first step of a plan tells nothing.
        guard let newest, newest.generation == step.generation else {
            streaks = [:]
            return nil
        }
        for worker in plan.workers where past[worker] != nil {
            if slow[worker] == nil { past[worker]?.steps += 1 }
            streaks[worker, default: 0] += 1
        }
        // Who alone has its layers is compared with itself.
        guard !isDisturbed, plan.plan.pipelines.count > 1, plan.workers.count > 2,
            past.count == 1, let worker = past.keys.first,
            streaks[worker, default: 0] > Self.patience
        else { return nil }
        let isSlow = slow[worker] != nil
        guard isSlow != known.contains(worker.node) else { return nil }
        return isSlow
            ? "worker \(worker) is slow, and is not noticed"
            : "worker \(worker) is fast again, and is not noticed"
    }
}
