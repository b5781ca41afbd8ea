import OobleckTemplates
import OobleckValues

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
    private var copying = PolicyAnswer.Phase(.copying, .zero)
    /// By pipelines: while nodes do two places' work, and else.
    private var degraded = CountMemo<PolicyAnswer.Training>()
    private var whole = CountMemo<PolicyAnswer.Training>()

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
            build(view.alive)
            guard let training = training() else { return nil }
            return PolicyAnswer(.none, isFirst ? [] : table.model.restoring, then: training)
        case .lost(let nodes, let kind): return lose(nodes, kind, view)
        case .changed(let joined, _, _):
            guard grid != nil else { return nil }
            grid?.add(joined.filter { view.alive.contains($0) })
            let wasDegraded = isDegraded
            var filled = grid?.fillHoles() ?? 0
            grid?.dropBroken()
            filled += grid?.addPipelines() ?? 0
            isDegraded = false
            guard wasDegraded || filled > 0 else { return nil }
            return PolicyAnswer(.none, [table.model.rebuilding(view), copying], then: training())
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
        // Two neighbours of one pipeline are more than redundancy covers.
        for index in grid?.pipelinesWithHoleBesideHole ?? [] { grid?.drop(index) }
        guard grid?.pipelines != 0 else {
            build(view.alive)
            return PolicyAnswer(.checkpoint, [detecting] + table.model.restoring, then: training())
        }
        isDegraded = grid?.holes.isEmpty == false
        let phases = [detecting, table.model.rebuilding(view)]
        return PolicyAnswer(.runningStep, phases, then: training())
    }

    private mutating func build(_ nodes: NodeSet) {
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
        copying.time = table.model.copyTime(bytes: 2 * table.heaviestNode(template))
        grid = PipelineGrid(
            depth: template.nodes,
            mostPipelines: table.model.microbatches,
            nodes: nodes
        )
    }

    private mutating func training() -> PolicyAnswer.Training? {
        guard let pipelines = grid?.pipelines, pipelines > 0, let spare = grid?.spare,
            let template
        else { return nil }
        let isDegraded = isDegraded
        let make = { [table, checkpoints] in
            Self.training(table, checkpoints, template, pipelines: pipelines, isDegraded)
        }
        var training =
            isDegraded ? degraded.value(pipelines, make) : whole.value(pipelines, make)
        training.idle = spare
        return training
    }

    private static func training(
        _ table: StepTable,
        _ checkpoints: CheckpointPlan,
        _ template: PipelineTemplate,
        pipelines: Int,
        _ isDegraded: Bool
    ) -> PolicyAnswer.Training {
        let microbatches = (table.model.microbatches + pipelines - 1) / pipelines
        let plain = table.step(template, microbatches: microbatches, pipelines: pipelines)
        let works = template.stages.map { $0.forward.value + $0.backward.value }
        let forward = template.stages.map(\.forward.value).max() ?? 0
        let bubble = Double(works.count - 1) * (works.max() ?? 0)
        let extra = SimulatedTime(Seconds(max(0, Double(microbatches) * forward - bubble)))
        var step = plain + extra
        if isDegraded { step = SimulatedTime(nanoseconds: step.nanoseconds + step.nanoseconds / 2) }
        let share = Double((step - plain).nanoseconds) / Double(max(1, step.nanoseconds))
        return PolicyAnswer.Training(
            step: step,
            samples: table.model.samplesPerStep,
            redundantMillionths: Int((share * 1e6).rounded(.down)),
            checkpoints: checkpoints.rhythm(
                table.model,
                step: step,
                nodesPerPipeline: template.nodes
            ),
            endsAfterStep: isDegraded
        )
    }
}
