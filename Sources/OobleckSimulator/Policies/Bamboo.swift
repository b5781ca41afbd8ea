import OobleckCore
import OobleckPlanning

/// Every node also computes and holds what the next one does, and takes over when that is lost
/// (Thorpe et al., NSDI 2023).
///
/// The redundant forward passes fill the bubbles first; what does not fit makes the step longer. A
/// node that took over makes the next step half as long again, after which the place is filled or
/// the pipeline given up.
public struct Bamboo: ResiliencePolicy {
    private let table: StepTable
    private let checkpoints: CheckpointPlan
    private var template: PipelineTemplate?
    private var grid: PipelineGrid?
    private var isDegraded = false

    /// A policy; checkpoints are for losses that redundancy does not cover.
    public init(_ table: StepTable, checkpoints: CheckpointPlan) {
        self.table = table
        self.checkpoints = checkpoints
    }

    /// Why the policy cannot run this model on this memory, if so.
    public static func obstacle(_ table: StepTable) -> String? {
        table.templates.templates.contains { hasRoom($0, table.model) }
            ? nil : "no template leaves room on each node for the next one's state"
    }

    /// Whether each node can hold the states of two places.
    private static func hasRoom(_ template: PipelineTemplate, _ model: ClusterModel) -> Bool {
        guard let memory = model.profile.deviceMemory else { return true }
        let bytes = template.layersByNode.map { layers in
            layers.reduce(0) { sum, index in
                let layer = model.profile.layers[index]
                return sum + layer.stateBytes.value + layer.gradientBytes.value
            }
        }
        return bytes.indices.allSatisfy {
            bytes[$0] + bytes[($0 + 1) % bytes.count] <= model.devicesPerNode * memory.value
        }
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
        case .changed(let joined, _, _):
            guard var grid else { return nil }
            grid.add(joined.filter { view.alive.contains($0) && grid.place($0) == nil })
            let wasDegraded = isDegraded
            var filled = 0
            for hole in grid.holes where grid.fill(hole) { filled += 1 }
            grid.dropBroken()
            filled += grid.addPipelines()
            self.grid = grid
            isDegraded = false
            guard wasDegraded || filled > 0 else { return nil }
            return PolicyAnswer(.none, [rebuilding, copying], then: training)
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
        // Two neighbours of one pipeline are more than redundancy covers.
        let broken = Set(grid.holes.map(\.pipeline)).sorted().filter { index in
            let pipeline = grid.pipelines[index]
            return pipeline.indices.contains {
                pipeline[$0] == nil && pipeline[($0 + 1) % pipeline.count] == nil
            }
        }
        for index in broken.reversed() { grid.drop(index) }
        guard !grid.pipelines.isEmpty else {
            build(view.alive.all)
            return PolicyAnswer(.checkpoint, [detecting] + restarting, then: training)
        }
        isDegraded = !grid.holes.isEmpty
        self.grid = grid
        return PolicyAnswer(.runningStep, [detecting, rebuilding], then: training)
    }

    private var rebuilding: PolicyAnswer.Phase {
        PolicyAnswer.Phase(.recovering, SimulatedTime(table.model.rebuild))
    }

    private var copying: PolicyAnswer.Phase {
        let bytes = template.map { 2 * table.heaviestNode($0) } ?? 0
        return PolicyAnswer.Phase(.copying, table.model.copyTime(bytes: bytes))
    }

    private var restarting: [PolicyAnswer.Phase] {
        [
            PolicyAnswer.Phase(.recovering, SimulatedTime(table.model.restart)),
            PolicyAnswer.Phase(.copying, table.model.storageTime()),
        ]
    }

    private mutating func build(_ nodes: [Int]) {
        isDegraded = false
        if template == nil {
            template =
                table.templates.templates.filter { Self.hasRoom($0, table.model) }
                .compactMap { table.uniform($0, nodes: nodes.count) }
                .min { $0.step < $1.step }?.template
        }
        guard let template else {
            grid = nil
            return
        }
        grid = PipelineGrid(
            depth: template.nodes,
            mostPipelines: table.model.microbatches,
            nodes: nodes
        )
    }

    private var training: Training? {
        guard let grid, let template, !grid.pipelines.isEmpty else { return nil }
        let pipelines = grid.pipelines.count
        let microbatches = (table.model.microbatches + pipelines - 1) / pipelines
        let plain = table.step(template, microbatches: microbatches, pipelines: pipelines)
        let works = template.stages.map { $0.forward.value + $0.backward.value }
        let forward = template.stages.map(\.forward.value).max() ?? 0
        let bubble = Double(works.count - 1) * (works.max() ?? 0)
        let extra = SimulatedTime(Seconds(max(0, Double(microbatches) * forward - bubble)))
        var step = plain + extra
        if isDegraded { step = SimulatedTime(nanoseconds: step.nanoseconds + step.nanoseconds / 2) }
        let share = Double((step - plain).nanoseconds) / Double(max(1, step.nanoseconds))
        return Training(
            step: step,
            samples: table.model.samplesPerStep,
            idle: grid.spare,
            redundantMillionths: Int((share * 1e6).rounded(.down)),
            checkpoints: checkpoints.rhythm(table.model, step: step, nodesPerPipeline: grid.depth),
            endsAfterStep: isDegraded
        )
    }
}
