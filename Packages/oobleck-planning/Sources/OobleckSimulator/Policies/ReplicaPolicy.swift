import OobleckTemplates
import OobleckValues

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
        /// Its other nodes continue, and the microbatches of the missing one run at the same stage
        /// of other pipelines, in their bubbles as far as they go. Where one stage misses more
        /// nodes than another, nodes change their stage: the "failure normalization" of ReCycle
        /// (Gandhi et al., SOSP 2024).
        case rerouting
    }

    private let table: StepTable
    private let style: Style
    private let reserve: Int
    private let checkpoints: CheckpointPlan
    private var steps: ReplicaSteps?
    private var grid: PipelineGrid?
    private var copying = PolicyAnswer.Phase(.copying, .zero)

    /// A policy of one style; checkpoints are for losses of a layer's last copy.
    public init(_ table: StepTable, _ style: Style, checkpoints: CheckpointPlan) {
        self.table = table
        self.style = style
        reserve = if case .hotSpares(let reserve) = style { reserve } else { 0 }
        self.checkpoints = checkpoints
    }

    /// See ``ResiliencePolicy``.
    public mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        switch event {
        case .start:
            let isFirst = grid == nil
            build(view.alive)
            guard let training = training() else { return nil }
            return PolicyAnswer(.none, isFirst ? [] : table.model.restoring, then: training)
        case .lost(let nodes, let kind): return lose(nodes, kind, view)
        case .changed(let joined, let leaving, _): return change(joined, leaving, view)
        }
    }

    private mutating func lose(
        _ nodes: [Int],
        _ kind: ClusterEvent.Loss,
        _ view: ClusterView
    ) -> PolicyAnswer? {
        let holes = nodes.count { grid?.lose($0) == true }
        guard holes > 0 else { return nil }
        let detecting = PolicyAnswer.Phase(.detecting, table.model.detection(kind))
        guard grid?.hasLostPosition == false else {
            build(view.alive)
            return PolicyAnswer(.checkpoint, [detecting] + table.model.restoring, then: training())
        }
        var filled = 0
        if case .hotSpares = style { filled += grid?.fillHoles() ?? 0 }
        if style == .rerouting {
            filled += normalize()
        } else {
            grid?.dropBroken()
            filled += grid?.addPipelines(reserve: reserve) ?? 0
        }
        let phases = [detecting, table.model.rebuilding(view)] + (filled > 0 ? [copying] : [])
        return PolicyAnswer(.runningStep, phases, then: training())
    }

    private mutating func change(
        _ joined: [Int],
        _ leaving: [Int],
        _ view: ClusterView
    ) -> PolicyAnswer? {
        guard grid != nil else { return nil }
        grid?.add(joined.filter { view.alive.contains($0) })
        for node in leaving { grid?.removeSpare(node) }
        // A node that will go is replaced while it still runs, as far as there are others.
        var filled = leaving.count { grid?.replace($0) == true }
        filled += grid?.fillHoles() ?? 0
        filled += grid?.addPipelines(reserve: reserve) ?? 0
        if style == .rerouting { filled += normalize() }
        grid?.add(leaving.filter { view.alive.contains($0) })
        guard filled > 0 else { return nil }
        return PolicyAnswer(.none, [table.model.rebuilding(view), copying], then: training())
    }

    /// Has nodes change their stage if that makes steps shorter; how many.
    private mutating func normalize() -> Int {
        guard var even = grid else { return 0 }
        let moved = even.spreadHoles()
        func step(_ grid: PipelineGrid?) -> SimulatedTime? {
            guard let grid, grid.pipelines > 0 else { return nil }
            let holes = grid.mostHolesAtOnePosition
            return steps?.training(pipelines: grid.pipelines, mostHoles: holes).step
        }
        guard moved > 0, let before = step(grid), let after = step(even), after < before else {
            return 0
        }
        grid = even
        return moved
    }

    private mutating func build(_ nodes: NodeSet) {
        if steps == nil {
            let wanted = max(table.minimumNodes, nodes.count - reserve)
            guard let best = table.bestUniform(nodes: min(nodes.count, wanted)) else { return }
            steps = ReplicaSteps(table, best.template, style, checkpoints)
            copying.time = table.model.copyTime(bytes: table.heaviestNode(best.template))
        }
        guard let steps else { return }
        let built = PipelineGrid(
            depth: steps.template.nodes,
            mostPipelines: table.model.microbatches,
            nodes: nodes,
            reserve: reserve
        )
        self.steps?.firstPipelines = max(steps.firstPipelines, built.pipelines)
        grid = built
    }

    private mutating func training() -> PolicyAnswer.Training? {
        guard let pipelines = grid?.pipelines, pipelines > 0, let spare = grid?.spare else {
            return nil
        }
        let holes = grid?.mostHolesAtOnePosition ?? 0
        var training = steps?.training(pipelines: pipelines, mostHoles: holes)
        training?.idle = spare
        return training
    }
}
