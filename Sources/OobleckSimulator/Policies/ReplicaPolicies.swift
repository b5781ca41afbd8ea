import OobleckCore

/// What systems do that keep pipelines of one depth and copy state from live ones.
public struct ReplicaPolicy: ResiliencePolicy {
    /// What becomes of a pipeline that lost a node.
    public enum Style: Hashable, Sendable {
        /// A spare node takes the place, out of a reserve; without one the pipeline is given up, and
        /// the others take its microbatches.
        case hotSpares(reserve: Int)
        /// The pipeline is left out until it can be whole again, and the batch is smaller meanwhile
        /// (torchft, Meta 2024).
        case replicaDrop
        /// Its other nodes go on, and the microbatches of the missing one run at the same stage of
        /// other pipelines, in their bubbles as far as they go (ReCycle, SOSP 2024).
        case rerouting
    }

    private let table: StepTable
    private let style: Style
    private let checkpoints: CheckpointPlan
    private var template: PipelineTemplate?
    private var firstPipelines = 0
    private var grid: PipelineGrid?

    /// A policy of one style; checkpoints are for losses of a layer's last copy.
    public init(_ table: StepTable, _ style: Style, checkpoints: CheckpointPlan) {
        self.table = table
        self.style = style
        self.checkpoints = checkpoints
    }

    private var reserve: Int {
        if case .hotSpares(let reserve) = style { reserve } else { 0 }
    }

    /// See ``ResiliencePolicy``.
    public mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        switch event {
        case .start:
            let isFirst = grid == nil
            build(view.alive.all)
            guard let training else { return nil }
            return PolicyAnswer(.none, isFirst ? [] : restarting, then: training)
        case .lost(let nodes, let kind): return lose(nodes, kind, view)
        case .changed(let joined, let leaving, _): return change(joined, leaving, view)
        }
    }

    private mutating func lose(
        _ nodes: [Int],
        _ kind: ClusterEvent.Loss,
        _ view: ClusterView
    ) -> PolicyAnswer? {
        guard var grid else { return nil }
        // Taken out, so that it is changed in place.
        self.grid = nil
        let holes = nodes.compactMap { grid.empty($0) }
        for node in nodes { grid.removeSpare(node) }
        guard !holes.isEmpty else {
            self.grid = grid
            return nil
        }
        let detecting = PolicyAnswer.Phase(.detecting, table.model.detection(kind))
        let isFatal = grid.mostHolesAtOnePosition == grid.pipelines.count
        guard !isFatal else {
            build(view.alive.all)
            return PolicyAnswer(.checkpoint, [detecting] + restarting, then: training)
        }
        var filled = 0
        if case .hotSpares = style {
            for hole in holes where grid.fill(hole) { filled += 1 }
        }
        if style != .rerouting {
            grid.dropBroken()
            filled += grid.addPipelines(reserve: reserve)
        }
        self.grid = grid
        let phases = [detecting, rebuilding] + (filled > 0 ? [copying] : [])
        return PolicyAnswer(.runningStep, phases, then: training)
    }

    private mutating func change(
        _ joined: [Int],
        _ leaving: [Int],
        _ view: ClusterView
    ) -> PolicyAnswer? {
        guard var grid else { return nil }
        // Taken out, so that it is changed in place.
        self.grid = nil
        grid.add(joined.filter { view.alive.contains($0) && grid.place($0) == nil })
        // A node that will go is replaced while it still runs, as far as there are others.
        for node in leaving { grid.removeSpare(node) }
        var filled = 0
        for hole in grid.holes where grid.fill(hole) { filled += 1 }
        filled += grid.addPipelines(reserve: reserve)
        for node in leaving where grid.place(node) == nil { grid.add([node]) }
        self.grid = grid
        guard filled > 0 else { return nil }
        return PolicyAnswer(.none, [rebuilding, copying], then: training)
    }

    private var rebuilding: PolicyAnswer.Phase {
        PolicyAnswer.Phase(.recovering, SimulatedTime(table.model.rebuild))
    }

    private var copying: PolicyAnswer.Phase {
        let bytes = template.map { table.heaviestNode($0) } ?? 0
        return PolicyAnswer.Phase(.copying, table.model.copyTime(bytes: bytes))
    }

    private var restarting: [PolicyAnswer.Phase] {
        [
            PolicyAnswer.Phase(.recovering, SimulatedTime(table.model.restart)),
            PolicyAnswer.Phase(.copying, table.model.storageTime()),
        ]
    }

    private mutating func build(_ nodes: [Int]) {
        if template == nil {
            let wanted = max(table.minimumNodes, nodes.count - reserve)
            template = table.bestUniform(nodes: min(nodes.count, wanted))?.template
        }
        guard let template else {
            grid = nil
            return
        }
        grid = PipelineGrid(
            depth: template.nodes,
            mostPipelines: table.model.microbatches,
            nodes: nodes,
            reserve: reserve
        )
        firstPipelines = max(firstPipelines, grid?.pipelines.count ?? 0)
    }

    private var training: Training? {
        guard let grid, let template, !grid.pipelines.isEmpty else { return nil }
        let pipelines = grid.pipelines.count
        let all = table.model.microbatches
        var samples = table.model.samplesPerStep
        var step = table.step(
            template,
            microbatches: (all + pipelines - 1) / pipelines,
            pipelines: pipelines
        )
        switch style {
        case .hotSpares: break
        case .replicaDrop:
            let each = (all + firstPipelines - 1) / max(1, firstPipelines)
            samples = min(all, each * pipelines) * table.model.profile.microbatchSize
            step = table.step(template, microbatches: each, pipelines: pipelines)
        case .rerouting: step = rerouted(grid, template, step)
        }
        return Training(
            step: step,
            samples: samples,
            idle: grid.spare,
            checkpoints: checkpoints.rhythm(table.model, step: step, nodesPerPipeline: grid.depth)
        )
    }

    /// The step when some positions have fewer nodes, which each take more microbatches.
    ///
    /// Half of the bubble at a stage, (S - 1) / 2 microbatches of the slowest stage, holds rerouted
    /// work: that after its last forward pass, with weight gradients put off. What does not fit makes
    /// the step longer. A model of ours; ReCycle solves for each schedule.
    private func rerouted(
        _ grid: PipelineGrid,
        _ template: PipelineTemplate,
        _ step: SimulatedTime
    ) -> SimulatedTime {
        let fewest = grid.pipelines.count - grid.mostHolesAtOnePosition
        guard fewest < grid.pipelines.count else { return step }
        let all = table.model.microbatches
        let whole = (all + grid.pipelines.count - 1) / grid.pipelines.count
        let extra = (all + fewest - 1) / fewest - whole
        let slowest = template.stages.map { $0.forward.value + $0.backward.value }.max() ?? 0
        let hidden = Double(template.stages.count - 1) / 2
        let longer = max(0, Double(extra) - hidden) * slowest
        return step + SimulatedTime(Seconds(longer))
    }
}
