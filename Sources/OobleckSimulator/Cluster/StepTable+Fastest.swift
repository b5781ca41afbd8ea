import OobleckCore
import OobleckPlanning

extension StepTable {
    /// A step that changes nothing but the samples and the time.
    struct Pace: Hashable {
        var step: SimulatedTime
        var microbatches: Int

        /// Whether it gets on faster; at the same pace, in the larger step.
        func isFaster(than other: Pace) -> Bool {
            let (mine, its) = (
                Int128(microbatches) * Int128(other.step.nanoseconds),
                Int128(other.microbatches) * Int128(step.nanoseconds)
            )
            return mine == its ? microbatches > other.microbatches : mine > its
        }
    }

    /// The fastest step of the whole batch that these nodes, or fewer, could take with 1F1B.
    ///
    /// Beyond ``OobleckPolicy/mostExactNodes`` nodes among pipelines of one template.
    func fastestStep(nodes: Int) -> SimulatedTime? {
        let step = paces(nodes: nodes).filter { $0.microbatches == model.microbatches }
            .map(\.step).min()
        return step.flatMap { $0 < .never ? $0 : nil }
    }

    /// The fastest that these nodes, or fewer, could train with 1F1B: the whole batch, or as much of
    /// it as pipelines of equal shares come to.
    func fastestPace(nodes: Int) -> Pace? {
        paces(nodes: nodes).filter { $0.step < .never }
            .reduce(nil) { best, pace in
                if let best, !pace.isFaster(than: best) { best } else { pace }
            }
    }

    /// As many pipelines of each template as there can be for each count of microbatches of one.
    private func paces(nodes: Int) -> [Pace] {
        let planned = Pace(
            step: plannedStep(nodes: min(nodes, OobleckPolicy.mostExactNodes)),
            microbatches: model.microbatches
        )
        var found = [planned]
        for template in templates.templates where template.nodes <= nodes {
            for (each, wanted) in shares {
                let pipelines = min(nodes / template.nodes, wanted)
                let step = step(template, microbatches: each, pipelines: pipelines)
                let microbatches = min(model.microbatches, each * pipelines)
                found.append(Pace(step: step, microbatches: microbatches))
            }
        }
        return found
    }

    /// Each count of microbatches that the largest of equal pipelines can have, with the fewest
    /// pipelines that leave it no more.
    private var shares: [(each: Int, pipelines: Int)] {
        var shares: [(each: Int, pipelines: Int)] = []
        var each = model.microbatches
        while each >= 1 {
            let pipelines = (model.microbatches + each - 1) / each
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
