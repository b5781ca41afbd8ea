import OobleckCore
import OobleckPlanning

/// How many times longer a node takes than the profile says.
package enum Slowness {
    /// What a factor may be; beyond it there is a mistake in the measurement.
    package static let bounds = 1e-3...1e3

    /// The factor within its bounds; 1 where it is unknown, or none at all.
    package static func bounded(_ factor: Double?) -> Double {
        guard let factor, factor > 0 else { return 1 }
        return min(max(factor, bounds.lowerBound), bounds.upperBound)
    }
}

extension PlanDocument {
    /// The same pipelines on the same nodes, with the microbatches apportioned to how fast each
    /// really is: `slowness` says how many times longer a node takes than the profile says.
    ///
    /// Each pipeline keeps one microbatch at least, each further one goes to the pipeline that
    /// finishes it first. Times are nondecreasing in the microbatches, so that the slowest pipeline
    /// is as fast as it can be. Nothing is copied for it. O(M p S) for M microbatches.
    package func balanced(for slowness: [NodeID: Double]) -> PlanDocument {
        let pipelines = plan.pipelines
        let templates = pipelines.map { slowed($0, by: slowness) }
        guard !templates.contains(nil), pipelines.count <= microbatches else { return self }
        func time(_ index: Int, _ count: Int) -> Seconds {
            guard let template = templates[index] else { return .zero }
            return pipelineTime(template, microbatches: count, costModel: costModel)
        }
        var counts = pipelines.map { _ in 1 }
        var next = pipelines.indices.map { time($0, 2) }
        for _ in pipelines.count..<max(pipelines.count, microbatches) {
            let best = pipelines.indices.min { (next[$0], counts[$0]) < (next[$1], counts[$1]) }
            guard let best else { break }
            counts[best] += 1
            next[best] = time(best, counts[best] + 1)
        }
        var balanced = self
        for index in pipelines.indices {
            balanced.plan.pipelines[index].microbatches = counts[index]
            balanced.plan.pipelines[index].pipelineTime = time(index, counts[index])
        }
        let alone = balanced.plan.aloneStepTime
        balanced.plan.stepTime =
            alone
            + contention(
                alone: alone,
                zip(templates, counts).compactMap { template, count in
                    template.map { ($0, count) }
                }
            )
        return balanced
    }

    /// The predicted step time as the plan is, with nodes that are slower than the profile says.
    package func stepTime(for slowness: [NodeID: Double]) -> Seconds {
        let pipelines = plan.pipelines.compactMap { pipeline in
            slowed(pipeline, by: slowness).map {
                (template: $0, microbatches: pipeline.microbatches)
            }
        }
        let times = pipelines.map {
            pipelineTime($0.template, microbatches: $0.microbatches, costModel: costModel)
        }
        let alone = (times.max() ?? .zero) + plan.synchronizationTime
        return alone + contention(alone: alone, pipelines)
    }

    /// The pipeline's template with its stages as slow as the nodes that run them.
    private func slowed(
        _ pipeline: Pipeline,
        by slowness: [NodeID: Double]
    ) -> PipelineTemplate? {
        guard var template = template(nodes: pipeline.templateNodes) else { return nil }
        for index in template.stages.indices {
            let factor = Slowness.bounded(slowness[pipeline.nodes[template.stages[index].node]])
            template.stages[index].forward = factor * template.stages[index].forward
            template.stages[index].backward = factor * template.stages[index].backward
        }
        return template
    }
}
