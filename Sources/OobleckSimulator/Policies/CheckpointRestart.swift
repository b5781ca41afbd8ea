import OobleckCore

/// Stops all on every loss, loads the last checkpoint and starts anew with the nodes that are left.
///
/// With one depth for good it is what most clusters do; with the best depth for each count of nodes
/// it is Varuna (Athlur et al., EuroSys 2022). Nodes that do not fill a pipeline wait as spares.
public struct CheckpointRestart: ResiliencePolicy {
    private let table: StepTable
    private let checkpoints: CheckpointPlan
    private let choosesDepth: Bool
    private var template: StepTable.Uniform?
    private var grid: PipelineGrid?

    /// A policy with checkpoints in a rhythm.
    public init(_ table: StepTable, checkpoints: CheckpointPlan, choosesDepth: Bool = false) {
        self.table = table
        self.checkpoints = checkpoints
        self.choosesDepth = choosesDepth
    }

    /// See ``ResiliencePolicy``.
    public mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        switch event {
        case .start:
            let isFirst = grid == nil
            rebuild(view.alive.all)
            guard let training else { return nil }
            return PolicyAnswer(.none, isFirst ? [] : starting, then: training)
        case .lost(let nodes, let kind):
            guard var grid else { return nil }
            // Taken out, so that it is changed in place.
            self.grid = nil
            let holes = nodes.compactMap { grid.empty($0) }
            for node in nodes { grid.removeSpare(node) }
            guard !holes.isEmpty else {
                self.grid = grid
                return nil
            }
            for hole in holes { _ = grid.fill(hole) }
            grid.dropBroken()
            self.grid = grid
            if choosesDepth || grid.pipelines.isEmpty { rebuild(view.alive.all) }
            let detecting = PolicyAnswer.Phase(.detecting, table.model.detection(kind))
            return PolicyAnswer(.checkpoint, [detecting] + starting, then: training)
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
        guard var grid, let before = training else { return nil }
        let isTold = leaving.contains { grid.place($0) != nil }
        self.grid = nil
        grid.add(joined.filter { view.alive.contains($0) && grid.place($0) == nil })
        if isTold || choosesDepth {
            self.grid = grid
            var next = self
            next.rebuild(view.alive.all.filter { !leaving.contains($0) })
            next.grid?.add(leaving)
            guard isTold || (next.training?.step ?? .never) < before.step else { return nil }
            self = next
        } else {
            let added = grid.addPipelines()
            self.grid = grid
            guard added > 0 else { return nil }
        }
        let depth = template?.template.nodes ?? 1
        let writing = PolicyAnswer.Phase(
            .checkpointing,
            table.model.snapshotTime(nodesPerPipeline: depth) + table.model.storageTime()
        )
        return PolicyAnswer(.none, [writing] + starting, then: training)
    }

    private var starting: [PolicyAnswer.Phase] {
        [
            PolicyAnswer.Phase(.recovering, SimulatedTime(table.model.restart)),
            PolicyAnswer.Phase(.copying, table.model.storageTime()),
        ]
    }

    private mutating func rebuild(_ nodes: [Int]) {
        if template == nil || choosesDepth { template = table.bestUniform(nodes: nodes.count) }
        guard let template else {
            grid = nil
            return
        }
        grid = PipelineGrid(
            depth: template.template.nodes,
            mostPipelines: table.model.microbatches,
            nodes: nodes
        )
    }

    private var training: Training? {
        guard let grid, let template, !grid.pipelines.isEmpty,
            let uniform = table.uniform(
                template.template,
                nodes: grid.pipelines.count * template.template.nodes
            )
        else { return nil }
        return Training(
            step: uniform.step,
            samples: table.model.samplesPerStep,
            idle: grid.spare,
            checkpoints: checkpoints.rhythm(
                table.model,
                step: uniform.step,
                nodesPerPipeline: grid.depth
            )
        )
    }
}
