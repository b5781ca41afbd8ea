public import OobleckValues

/// What to do about a change of the nodes.
public enum ReconfigurationDecision: Hashable, Sendable {
    /// Train under this plan. Without cover, some f losses at once would lose a layer.
    case plan(PlanDocument, coversFaultTolerance: Bool)
    /// No living node holds these layers.
    case lostLayers([Int], reason: String)
    /// There are fewer nodes than the smallest template has.
    case tooFewNodes(alive: Int, minimum: Int, reason: String)
}
