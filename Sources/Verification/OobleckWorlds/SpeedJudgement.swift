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
    /// How many times slower nodes are now.
    private var slow: [NodeID: Double] = [:]
    /// The most that nodes ever were, and the steps that they computed since it ended.
    private var past: [NodeID: (factor: Double, steps: Int)] = [:]
    /// Nodes that the coordinator takes for slow.
    private var known: Set<NodeID> = []
    /// Steps of the plan in force that a slow node computed, and of those that it did since.
    private var streaks: [NodeID: Int] = [:]
    private var newest: CommittedStep?

    /// A worker of the node gets slow; returns false if one is slow already.
    mutating func slowed(_ node: NodeID, _ factor: Double) -> Bool {
        guard slow[node] == nil else { return false }
        slow[node] = factor
        past[node] = (max(factor, past[node]?.factor ?? 1), 0)
        streaks[node] = 0
        return true
    }

    mutating func hastened(_ node: NodeID) {
        slow[node] = nil
        streaks[node] = 0
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
        guard let past = past[node], past.steps <= Self.patience else {
            return "node \(node) is taken for slow, and is not"
        }
        guard factor <= past.factor * Self.tolerance else {
            return "node \(node) is taken for \(factor) times slower, and is by \(past.factor)"
        }
        return nil
    }

    /// A plan follows from speeds; returns what is wrong with that.
    var blameForPlan: String? {
        past.values.contains { $0.steps <= Self.patience } ? nil : "no node is slow"
    }

    /// A step is recorded; returns what should have been noticed by now.
    mutating func recorded(_ step: CommittedStep, _ plan: WorldJudge.KnownPlan) -> String? {
        defer { newest = step }
        // The first step of a plan tells nothing.
        guard let newest, newest.generation == step.generation else {
            for node in plan.nodes { streaks[node] = 0 }
            return nil
        }
        for node in plan.nodes where past[node] != nil {
            if slow[node] == nil { past[node]?.steps += 1 }
            streaks[node, default: 0] += 1
        }
        // Who alone has its layers is compared with itself.
        guard !isDisturbed, plan.plan.pipelines.count > 1, plan.workers.count > 2,
            past.count == 1, let node = past.keys.first, plan.nodes.contains(node),
            streaks[node, default: 0] > Self.patience
        else { return nil }
        let isSlow = slow[node] != nil
        guard isSlow != known.contains(node) else { return nil }
        return isSlow
            ? "node \(node) is slow, and is not noticed" : "node \(node) is fast again, unnoticed"
    }
}
