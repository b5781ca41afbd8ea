import OobleckTemplates
import OobleckValues
import OobleckWords

extension PlanDocument {
    /// Refuses a plan with too few copies of each layer for the losses that must be survivable.
    ///
    /// A run that has lost nodes goes on with such a plan; nobody should begin with one unasked.
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
                + "\(needs); or plan with --fault-tolerance \(plan.pipelines.count - 1)"
        )
    }
}
