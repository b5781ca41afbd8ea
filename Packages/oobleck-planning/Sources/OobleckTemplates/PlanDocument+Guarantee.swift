public import OobleckValues
import OobleckWords

extension PlanDocument {
    /// Refuses a plan with too few copies of each layer for the losses that must be survivable.
    ///
    /// A run that has lost nodes continues with such a plan, and no run should begin with one unasked.
    ///
    /// - Parameter model: The model's name, for the message.
    /// - Throws: ``OobleckError/Code/noPlan`` with ``PlanningProblem/tooFewCopies(pipelines:faultTolerance:nodes:minimumNodes:)``.
    public func requireGuarantee(model: String) throws {
        let losses = guarantee.faultTolerance
        guard plan.pipelines.count <= losses else { return }
        let nodeCount = plan.nodes.count + idleNodes.count
        var wanted: [String] = []
        if nodeCount < guarantee.minimumNodes {
            wanted.append("\(counted(guarantee.minimumNodes, "node")), \(nodeCount) given")
        }
        if microbatches <= losses {
            wanted.append("\(counted(losses + 1, "microbatch")) a step, \(microbatches) given")
        }
        let needs =
            wanted.isEmpty
            ? "templates that fit \(counted(nodeCount, "node"))"
            : wanted.joined(separator: ", and ")
        throw OobleckError(
            .noPlan,
            "to survive \(counted(losses, "loss")) at once, \(model) needs "
                + "\(needs); or plan for a fault tolerance of \(plan.pipelines.count - 1)",
            problem: .tooFewCopies(
                pipelines: plan.pipelines.count,
                faultTolerance: losses,
                nodes: nodeCount,
                minimumNodes: guarantee.minimumNodes
            )
        )
    }
}
