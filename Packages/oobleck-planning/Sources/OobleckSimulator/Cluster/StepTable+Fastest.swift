import OobleckTemplates
import OobleckValues
import Synchronization

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

    /// The most samples a second that any policy gets from these nodes, or fewer, in a step that is
    /// not disturbed; `nil` if there are too few.
    ///
    /// That is ``fastestStep(nodes:)``, or while nodes are missing, what remains of the batch without
    /// their pipelines, or the whole batch with their work in others' bubbles.
    func fastestRate(nodes: Int) -> StepRate? {
        rates.withLock { known in
            known.value(nodes) {
                var best = fastestStep(nodes: nodes)
                    .map { StepRate(step: $0, samples: model.samplesPerStep) }
                for index in templates.templates.indices {
                    let pipelines = min(
                        nodes / templates.templates[index].nodes,
                        model.microbatches
                    )
                    guard pipelines > 0 else { continue }
                    let others = [
                        partialRate(index, atMost: pipelines), reroutedRate(index, pipelines),
                    ]
                    for other in others.compactMap({ $0 }) where best.map({ $0 < other }) ?? true {
                        best = other
                    }
                }
                return best
            }
        }
    }

    /// The most pipelines of a template that there ever are.
    private func mostPipelines(_ template: PipelineTemplate) -> Int {
        min(mostNodes / template.nodes, model.microbatches)
    }

    /// The best of up to so many pipelines that do their shares of a batch that was divided among
    /// more.
    private func partialRate(_ index: Int, atMost pipelines: Int) -> StepRate? {
        partialRates.withLock { known in
            if known.isEmpty { known = templates.templates.map { _ in [nil] } }
            for count in stride(from: known[index].count, through: pipelines, by: 1) {
                let best = known[index][count - 1]
                let next = partialRate(templates.templates[index], pipelines: count)
                known[index].append([best, next].compactMap { $0 }.max())
            }
            return known[index][pipelines]
        }
    }

    private func partialRate(_ template: PipelineTemplate, pipelines: Int) -> StepRate? {
        let all = model.microbatches
        // The largest share that leaves the batch incomplete, of those that fall to a pipeline.
        let most = (all - 1) / pipelines
        guard most > 0 else { return nil }
        let first = (all + most - 1) / most
        guard first <= mostPipelines(template) else { return nil }
        let each = (all + first - 1) / first
        return StepRate(
            step: step(template, microbatches: each, pipelines: pipelines),
            samples: each * pipelines * model.profile.microbatchSize
        )
    }

    /// The best if nodes for so many pipelines keep more pipelines going that miss nodes.
    private func reroutedRate(_ index: Int, _ fewest: Int) -> StepRate? {
        let template = templates.templates[index]
        var best: StepRate?
        for pipelines in stride(from: fewest + 1, through: mostPipelines(template), by: 1) {
            let each = (model.microbatches + pipelines - 1) / pipelines
            let longer = template.rerouting(
                model.microbatches,
                pipelines: pipelines,
                fewest: fewest
            )
            let rate = StepRate(
                step: step(template, microbatches: each, pipelines: pipelines) + longer,
                samples: model.samplesPerStep
            )
            best = [best, rate].compactMap { $0 }.max()
            // More pipelines have no more room for what the missing nodes leave.
            if longer > .zero { break }
        }
        return best
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

/// Samples of one undisturbed step; more a second are greater.
struct StepRate: Hashable, Sendable, Comparable {
    let step: SimulatedTime
    let samples: Int

    static func < (left: StepRate, right: StepRate) -> Bool {
        Int128(left.samples) * Int128(right.step.nanoseconds)
            < Int128(right.samples) * Int128(left.step.nanoseconds)
    }
}

extension PipelineTemplate {
    /// How much longer a step is if at each position at least `fewest` of the pipelines' nodes are
    /// left, which each take more microbatches.
    ///
    /// Half of the bubble at a stage, (S - 1) / 2 microbatches of the slowest stage, holds rerouted
    /// work: that after its last forward pass, with weight gradients put off. What does not fit makes
    /// the step longer. A model of ours; ReCycle solves for each schedule.
    func rerouting(_ microbatches: Int, pipelines: Int, fewest: Int) -> SimulatedTime {
        let whole = (microbatches + pipelines - 1) / pipelines
        let extra = (microbatches + fewest - 1) / fewest - whole
        let hidden = Double(stages.count - 1) / 2
        return SimulatedTime(Seconds(max(0, Double(extra) - hidden) * slowestStage.value))
    }

    /// Forward and backward of one microbatch at the slowest stage.
    var slowestStage: Seconds {
        Seconds(stages.map { $0.forward.value + $0.backward.value }.max() ?? 0)
    }
}
