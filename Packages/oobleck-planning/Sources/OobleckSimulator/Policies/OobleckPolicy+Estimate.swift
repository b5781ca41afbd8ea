extension OobleckPolicy {
    /// The answer at sizes at which plans are not made one by one.
    mutating func estimate(
        _ view: ClusterView,
        _ rollback: PolicyAnswer.Rollback,
        _ phases: [PolicyAnswer.Phase],
        lost: Int
    ) -> PolicyAnswer? {
        let count = view.alive.count - drained.count
        let isFatal = hasStarted && lost > 0 && lost >= pipelines
        guard let next = step(nodes: count) else {
            return hasStarted ? PolicyAnswer(.checkpoint, [], then: nil) : nil
        }
        pipelines = next.pipelines
        let isFirst = !hasStarted
        hasStarted = true
        let bytes = isFirst ? 0 : heaviestNode
        let copying = PolicyAnswer.Phase(.copying, table.model.copyTime(bytes: bytes))
        return PolicyAnswer(
            isFatal ? .checkpoint : rollback,
            phases + (isFatal ? table.model.restoring : [copying]),
            then: training(next.step, idle: drained)
        )
    }
}
