import OobleckCore
import OobleckPlanning

extension StepTable {
    /// The fastest step of the whole batch that these nodes, or fewer, could take with 1F1B.
    ///
    /// Beyond ``OobleckPolicy/mostExactNodes`` nodes among pipelines of one template.
    func fastestStep(nodes: Int) -> SimulatedTime? {
        var fastest = plannedStep(nodes: min(nodes, OobleckPolicy.mostExactNodes))
        for template in templates.templates {
            for (each, pipelines) in shares(atMost: nodes / template.nodes) {
                fastest = min(
                    fastest,
                    step(template, microbatches: each, pipelines: pipelines)
                )
            }
        }
        return fastest < .never ? fastest : nil
    }

    /// Each count of microbatches that the largest of at most so many equal pipelines can have, with
    /// the fewest pipelines that leave it no more.
    private func shares(atMost most: Int) -> [(each: Int, pipelines: Int)] {
        var shares: [(each: Int, pipelines: Int)] = []
        var each = model.microbatches
        while each >= 1 {
            let pipelines = (model.microbatches + each - 1) / each
            guard pipelines <= most else { break }
            shares.append((each, pipelines))
            each = (model.microbatches + pipelines - 1) / pipelines - 1
        }
        return shares
    }
}

extension PipelineTemplate {
    /// Forward and backward of one microbatch at the slowest stage.
    var slowestStage: Seconds {
        Seconds(stages.map { $0.forward.value + $0.backward.value }.max() ?? 0)
    }
}
