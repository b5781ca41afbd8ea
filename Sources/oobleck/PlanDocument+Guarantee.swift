import OobleckCore
import OobleckPlanning

extension PlanDocument {
    /// Refuses a plan with too few copies of each layer for the losses that must be survivable.
    ///
    /// A run that has lost nodes goes on with such a plan; nobody should begin with one unasked.
    func requireGuarantee(model: String) throws {
        let losses = guarantee.faultTolerance
        guard plan.pipelines.count <= losses else { return }
        let nodeCount = plan.nodes.count + idleNodes.count
        var wanted: [String] = []
        if nodeCount < guarantee.minimumNodes {
            wanted.append("\(guarantee.minimumNodes) nodes, \(nodeCount) given")
        }
        if microbatches <= losses {
            wanted.append("\(losses + 1) microbatches a step, \(microbatches) given")
        }
        let needs =
            wanted.isEmpty
            ? "templates that fit \(nodeCount) nodes" : wanted.joined(separator: ", and ")
        throw OobleckError(
            .noPlan,
            "to survive \(PlanReason.count(losses, "loss", plural: "losses")) at once, \(model) needs "
                + "\(needs); or plan with --fault-tolerance \(plan.pipelines.count - 1)"
        )
    }
}
