import OobleckTemplates
public import OobleckValues

/// Stops all on every loss, loads the last checkpoint and starts anew with the nodes that are left.
///
/// With one depth for good it is what most clusters do; with the best depth for each count of nodes
/// it is Varuna (Athlur et al., EuroSys 2022). The nodes of the lowest numbers work; those that do
/// not fill a pipeline wait as spares. As all start anew, who stands where makes no difference, and
/// an answer follows from how many nodes there are.
public struct CheckpointRestart: ResiliencePolicy {
    /// What so many nodes do.
    private struct Layout: Sendable {
        let template: PipelineTemplate
        let pipelines: Int
        /// Without the idle nodes.
        let training: PolicyAnswer.Training

        var nodes: Int { pipelines * template.nodes }
    }

    private let table: StepTable
    private let checkpoints: CheckpointPlan
    private let choosesDepth: Bool
    private let restart: Seconds
    private var known = CountMemo<Layout?>()
    /// The depth for good, once there were nodes enough to choose it.
    private var template: PipelineTemplate?
    private var layout: Layout?
    private var spare = NodeSet()

    /// A policy with checkpoints in a rhythm.
    ///
    /// `restart` is how long all processes take to start anew; by default what the model says.
    public init(
        _ table: StepTable,
        checkpoints: CheckpointPlan,
        choosesDepth: Bool = false,
        restart: Seconds? = nil
    ) {
        self.table = table
        self.checkpoints = checkpoints
        self.choosesDepth = choosesDepth
        self.restart = restart ?? table.model.restart
    }

    private var restoring: [PolicyAnswer.Phase] { table.model.restoring(after: restart) }

    /// See ``ResiliencePolicy``.
    public mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        switch event {
        case .start:
            let isFirst = template == nil
            arrange(view.alive)
            guard let training else { return nil }
            return PolicyAnswer(.none, isFirst ? [] : restoring, then: training)
        case .lost(let nodes, let kind):
            let working = nodes.count { !spare.remove($0) }
            guard working > 0 else { return nil }
            arrange(view.alive)
            let detecting = PolicyAnswer.Phase(.detecting, table.model.detection(kind))
            return PolicyAnswer(.checkpoint, [detecting] + restoring, then: training)
        case .changed(let joined, let leaving, _):
            return change(joined, leaving, view)
        }
    }

    /// Uses new nodes if they make a pipeline more or a faster step, after a checkpoint.
    private mutating func change(
        _ joined: [Int],
        _ leaving: [Int],
        _ view: ClusterView
    ) -> PolicyAnswer? {
        guard let before = layout else { return nil }
        for node in joined where view.alive.contains(node) { spare.insert(node) }
        var staying = view.alive
        for node in leaving { staying.remove(node) }
        guard let next = layout(of: staying.count) else { return nil }
        let isTold = leaving.contains { view.alive.contains($0) && !spare.contains($0) }
        let isBetter =
            choosesDepth
            ? next.training.step < before.training.step : next.pipelines > before.pipelines
        guard isTold || isBetter else { return nil }
        arrange(staying)
        for node in leaving where view.alive.contains(node) { spare.insert(node) }
        let writing = PolicyAnswer.Phase(
            .checkpointing,
            table.model.snapshotTime(nodesPerPipeline: next.template.nodes)
                + table.model.storageTime()
        )
        return PolicyAnswer(.none, [writing] + restoring, then: training)
    }

    private mutating func arrange(_ nodes: NodeSet) {
        layout = layout(of: nodes.count)
        spare = nodes.dropping(layout?.nodes ?? 0)
    }

    private var training: PolicyAnswer.Training? {
        guard var training = layout?.training else { return nil }
        training.idle = spare
        return training
    }

    private mutating func layout(of count: Int) -> Layout? {
        if template == nil { template = table.bestUniform(nodes: count)?.template }
        guard let template else { return nil }
        return known.value(count) { [table, checkpoints, choosesDepth] in
            let best =
                choosesDepth
                ? table.bestUniform(nodes: count) : table.uniform(template, nodes: count)
            guard let best else { return nil }
            let rhythm = checkpoints.rhythm(
                table.model,
                step: best.step,
                nodesPerPipeline: best.template.nodes
            )
            return Layout(
                template: best.template,
                pipelines: best.pipelines,
                training: PolicyAnswer.Training(
                    step: best.step,
                    samples: table.model.samplesPerStep,
                    checkpoints: rhythm
                )
            )
        }
    }
}
