/// What an ``OobleckError`` of the planner says, as values.
///
/// Cases may be added: a `switch` outside of this package needs a default.
public enum PlanningProblem: Hashable, Sendable {
    /// A file of a version that this program does not read.
    case unsupportedVersion(found: Int, supported: Int)
    /// A profile without layers.
    case noLayers
    /// A value of a profile out of its range; `layer` is `nil` for a value of the whole model.
    case invalidValue(field: String, layer: String?, value: Double)
    /// Fewer nodes than the smallest template has.
    case tooFewNodes(nodes: Int, minimum: Int)
    /// No number of nodes holds the model.
    case modelDoesNotFit
    /// Too few copies of each layer: `pipelines` run, and f losses call for f + 1.
    case tooFewCopies(pipelines: Int, faultTolerance: Int, nodes: Int, minimumNodes: Int)
    /// No node that is left holds these layers.
    case lostLayers([Int])
    /// Nodes that the plan does not have.
    case unknownNodes([NodeID])
    /// Nodes that cannot join, as their numbers were given before or are negative.
    case takenNodes([NodeID])
}
