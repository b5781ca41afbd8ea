import OobleckTemplates
import OobleckValues

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
    private var whole = CountMemo<PolicyAnswer.Training>()

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
    mutating func training(pipelines: Int, mostHoles: Int) -> PolicyAnswer.Training {
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
            return PolicyAnswer.Training(
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
        training.step =
            training.step
            + template.rerouting(
                table.model.microbatches,
                pipelines: pipelines,
                fewest: pipelines - mostHoles
            )
        training.checkpoints = checkpoints.rhythm(
            table.model,
            step: training.step,
            nodesPerPipeline: template.nodes
        )
        return training
    }
}
