import OobleckTemplates
public import OobleckValues

/// How many times longer a node takes than the profile says.
public enum Slowness {
    /// What a factor may be; beyond it there is a mistake in the measurement.
    public static let bounds = 1e-3...1e3

    /// The factor within its bounds; 1 where it is unknown, or none at all.
    public static func bounded(_ factor: Double?) -> Double {
        guard let factor, factor > 0 else { return 1 }
        return min(max(factor, bounds.lowerBound), bounds.upperBound)
    }
}

/// Divides the microbatches of a step among pipelines that may be unequally fast.
///
/// Each pipeline gets one microbatch at least, each further one goes to the pipeline that finishes it
/// first. Times are nondecreasing in the microbatches, so that the slowest pipeline is as fast as it
/// can be. O(M p S) for M microbatches.
struct MicrobatchBalance {
    /// Microbatches of each pipeline.
    let counts: [Int]
    /// Time of each pipeline with its microbatches.
    let times: [Seconds]

    /// Divides at least as many microbatches as there are pipelines.
    init(_ pipelines: [PipelineTemplate], microbatches: Int, costModel: CostModel) {
        func time(_ index: Int, _ count: Int) -> Seconds {
            pipelineTime(pipelines[index], microbatches: count, costModel: costModel)
        }
        var counts = pipelines.map { _ in 1 }
        var next = pipelines.indices.map { time($0, 2) }
        for _ in pipelines.count..<max(pipelines.count, microbatches) {
            let best = pipelines.indices.min { (next[$0], counts[$0]) < (next[$1], counts[$1]) }
            guard let best else { break }
            counts[best] += 1
            next[best] = time(best, counts[best] + 1)
        }
        self.counts = counts
        times = pipelines.indices.map { time($0, counts[$0]) }
    }
}

extension PipelineTemplate {
    /// The template with its stages as slow as the nodes that run them, in the order of its places.
    func slowed(on nodes: [NodeID], by slowness: [NodeID: Double]) -> PipelineTemplate {
        var template = self
        for index in stages.indices {
            let factor = Slowness.bounded(slowness[nodes[stages[index].node]])
            template.stages[index].forward = factor * stages[index].forward
            template.stages[index].backward = factor * stages[index].backward
        }
        return template
    }
}

extension PlanDocument {
    /// The same pipelines on the same nodes, with the microbatches apportioned to how fast each
    /// really is: `slowness` says how many times longer a node takes than the profile says.
    ///
    /// Nothing is copied for it (`MicrobatchBalance`).
    public func balanced(for slowness: [NodeID: Double]) -> PlanDocument {
        let templates = plan.pipelines.compactMap { slowed($0, by: slowness) }
        guard templates.count == plan.pipelines.count, templates.count <= microbatches else {
            return self
        }
        let balance = MicrobatchBalance(
            templates,
            microbatches: microbatches,
            costModel: costModel
        )
        var balanced = self
        for index in templates.indices {
            balanced.plan.pipelines[index].microbatches = balance.counts[index]
            balanced.plan.pipelines[index].pipelineTime = balance.times[index]
        }
        let alone = balanced.plan.aloneStepTime
        let passes = zip(templates, balance.counts).map { (template: $0, microbatches: $1) }
        balanced.plan.stepTime = alone + contention(alone: alone, passes)
        return balanced
    }

    /// The predicted step time as the plan is, with nodes that are slower than the profile says.
    public func stepTime(for slowness: [NodeID: Double]) -> Seconds {
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
        template(nodes: pipeline.templateNodes)?.slowed(on: pipeline.nodes, by: slowness)
    }
}
