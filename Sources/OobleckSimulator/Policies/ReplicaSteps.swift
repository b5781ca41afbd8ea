import OobleckCore
import OobleckPlanning

/// Steps of pipelines of one template, by how many there are and how many nodes they miss.
struct ReplicaSteps: Sendable {
    let template: PipelineTemplate
    /// The most pipelines that there were at a start, which gives each its share of the batch.
    var firstPipelines = 0 {
        didSet { if firstPipelines != oldValue { whole = CountMemo() } }
    }
    private let table: StepTable
    private let style: ReplicaPolicy.Style
    private let checkpoints: CheckpointPlan
    /// Of pipelines that miss no node.
    private var whole = CountMemo<Training>()

    init(
        _ table: StepTable,
        _ template: PipelineTemplate,
        _ style: ReplicaPolicy.Style,
        _ checkpoints: CheckpointPlan
    ) {
        self.table = table
        self.template = template
        self.style = style
        self.checkpoints = checkpoints
    }

    /// How so many pipelines train, of which as many miss the node of one position; without the idle
    /// nodes.
    mutating func training(pipelines: Int, mostHoles: Int) -> Training {
        let (table, template, style) = (table, template, style)
        let (checkpoints, firstPipelines) = (checkpoints, firstPipelines)
        var training = whole.value(pipelines) {
            let all = table.model.microbatches
            var samples = table.model.samplesPerStep
            var each = (all + pipelines - 1) / pipelines
            if style == .replicaDrop {
                each = (all + firstPipelines - 1) / max(1, firstPipelines)
                samples = min(all, each * pipelines) * table.model.profile.microbatchSize
            }
            let step = table.step(template, microbatches: each, pipelines: pipelines)
            return Training(
                step: step,
                samples: samples,
                checkpoints: checkpoints.rhythm(
                    table.model,
                    step: step,
                    nodesPerPipeline: template.nodes
                )
            )
        }
        guard style == .rerouting, mostHoles > 0 else { return training }
        training.step = training.step + rerouting(pipelines: pipelines, mostHoles: mostHoles)
        training.checkpoints = checkpoints.rhythm(
            table.model,
            step: training.step,
            nodesPerPipeline: template.nodes
        )
        return training
    }

    /// How much longer a step is when some positions have fewer nodes, which each take more
    /// microbatches.
    ///
    /// Half of the bubble at a stage, (S - 1) / 2 microbatches of the slowest stage, holds rerouted
    /// work: that after its last forward pass, with weight gradients put off. What does not fit makes
    /// the step longer. A model of ours; ReCycle solves for each schedule.
    private func rerouting(pipelines: Int, mostHoles: Int) -> SimulatedTime {
        let fewest = pipelines - mostHoles
        let all = table.model.microbatches
        let whole = (all + pipelines - 1) / pipelines
        let extra = (all + fewest - 1) / fewest - whole
        let hidden = Double(template.stages.count - 1) / 2
        let longer = max(0, Double(extra) - hidden) * template.slowestStage.value
        return SimulatedTime(Seconds(longer))
    }
}
