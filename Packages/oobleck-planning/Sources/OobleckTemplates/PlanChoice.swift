import OobleckValues

/// What to run on a number of nodes, before the nodes are named.
public struct PlanChoice: Hashable, Sendable {
    /// The pipelines.
    public let instantiation: Instantiation
    /// Nodes that no pipeline uses.
    public let idleNodes: Int
    /// Pipelines that f node losses at once call for: f + 1.
    public let wantedPipelines: Int
    /// The best choice on as many nodes that has one pipeline more or one fewer and is allowed too.
    public let runnerUp: Instantiation?
    /// All choices on as many nodes that are allowed, by step time; `nil` if they are too many.
    package let alternatives: [Instantiation]?

    /// A choice with all its parts.
    package init(
        instantiation: Instantiation,
        idleNodes: Int,
        wantedPipelines: Int,
        runnerUp: Instantiation?,
        alternatives: [Instantiation]? = nil
    ) {
        self.instantiation = instantiation
        self.idleNodes = idleNodes
        self.wantedPipelines = wantedPipelines
        self.runnerUp = runnerUp
        self.alternatives = alternatives
    }

    /// Whether any f nodes may fail at once without a layer's last copy among them.
    public var coversFaultTolerance: Bool {
        instantiation.nodeCounts.count >= wantedPipelines
    }
}

extension Instantiator {
    /// Chooses the pipelines for `nodes` nodes of which `faultTolerance` may fail at once.
    ///
    /// Copies come first: f + 1 pipelines if at all possible, else the most possible. Then as many
    /// nodes at work as possible, then the least step time. `nil` if there are too few nodes for
    /// the smallest template.
    public func choice(nodes: Int, faultTolerance: Int) -> PlanChoice? {
        guard let least = templates.first?.nodes, least <= nodes else { return nil }
        let wanted = faultTolerance + 1
        let most = min(wanted, nodes / least, microbatches)
        for pipelines in stride(from: most, to: 0, by: -1) {
            for used in stride(from: nodes, through: pipelines * least, by: -1) {
                // Below f + 1 no greater count is possible, or it would have been found before.
                guard let best = instantiation(nodes: used, minimumPipelines: pipelines) else {
                    continue
                }
                let count = best.nodeCounts.count
                let others = [count - 1, count + 1].filter { $0 >= pipelines }
                    .compactMap { instantiation(nodes: used, pipelines: $0) }
                return PlanChoice(
                    instantiation: best,
                    idleNodes: nodes - used,
                    wantedPipelines: wanted,
                    runnerUp: others.min { $0.step < $1.step },
                    alternatives: alternatives(nodes: used, minimumPipelines: pipelines)
                )
            }
        }
        return nil
    }
}
