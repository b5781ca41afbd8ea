public import OobleckValues

extension PlanDocument {
    /// Whether both plans put the same work on the same nodes, so that there is nothing to change.
    public func givesSameWork(as other: PlanDocument) -> Bool {
        func shape(_ plan: ExecutionPlan) -> [[Int]] {
            plan.pipelines.map { [$0.templateNodes, $0.microbatches] + $0.nodes.map(\.rawValue) }
        }
        return shape(plan) == shape(other.plan)
    }
}
