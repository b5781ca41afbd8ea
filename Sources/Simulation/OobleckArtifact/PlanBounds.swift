import OobleckCore

/// What the best plan over given templates comes to, found without the planner: by trying every way
/// to divide the nodes, and giving each pipeline its microbatches one by one.
struct PlanBounds {
    let templates: [PipelineTemplate]
    /// Of layer 0, added to every step of more than one pipeline.
    let synchronization: Double

    /// The time of a pipeline with m microbatches: max(T1, T1 + T3 + (m - S + k - 1) w_k), written
    /// down anew from the paper (section 4.1).
    static func time(_ template: PipelineTemplate, microbatches: Int) -> Double {
        let work = template.stages.map(GeneratedTemplates.work)
        guard let slowest = work.max(), let place = work.lastIndex(of: slowest) else { return 0 }
        let (first, third) = (work.reduce(0, +), work[place...].reduce(0, +))
        let slots = Double(microbatches - work.count + place - 1)
        return max(first, first + third + slots * slowest)
    }

    /// w_k: what one microbatch more costs.
    static func slowest(_ template: PipelineTemplate) -> Double {
        GeneratedTemplates.slowest(template)
    }

    /// The least step time of all multisets of at least `pipelines` templates whose sizes sum to
    /// `nodes`, and how many those are.
    func leastStep(
        nodes: Int,
        pipelines: Int,
        microbatches: Int
    ) -> (step: Double, plans: Int) {
        var best = (step: Double.infinity, plans: 0)
        var chosen: [PipelineTemplate] = []
        func extend(_ left: Int, from index: Int) {
            if left == 0 {
                guard chosen.count >= pipelines, chosen.count <= microbatches else { return }
                let step =
                    Self.slowestPipeline(chosen, microbatches)
                    + (chosen.count > 1 ? synchronization : 0)
                best = (min(best.step, step), best.plans + 1)
                return
            }
            for next in index..<templates.count where templates[next].nodes <= left {
                chosen.append(templates[next])
                extend(left - templates[next].nodes, from: next)
                chosen.removeLast()
            }
        }
        extend(nodes, from: 0)
        return best
    }

    /// The least time of the slowest pipeline: each microbatch goes where it is done first.
    ///
    /// All but the last few of each pipeline are given at once: as many as fit into the time that
    /// fractions of microbatches would need.
    private static func slowestPipeline(
        _ pipelines: [PipelineTemplate],
        _ microbatches: Int
    ) -> Double {
        let slopes = pipelines.map(slowest)
        let offsets = zip(pipelines, slopes).map { pipeline, slope in
            time(pipeline, microbatches: microbatches) - Double(microbatches) * slope
        }
        // Pipelines whose every microbatch counts: time = offset + m w.
        let rate = slopes.reduce(0) { $0 + 1 / $1 }
        let level =
            (Double(microbatches) + zip(offsets, slopes).reduce(0) { $0 + $1.0 / $1.1 }) / rate
        var counts = zip(offsets, slopes).map { max(1, Int((level - $0.0) / $0.1) - 2) }
        guard counts.reduce(0, +) <= microbatches else {
            counts = pipelines.map { _ in 1 }
            return finish(pipelines, counts, microbatches)
        }
        return finish(pipelines, counts, microbatches)
    }

    private static func finish(
        _ pipelines: [PipelineTemplate],
        _ start: [Int],
        _ microbatches: Int
    ) -> Double {
        var counts = start
        for _ in counts.reduce(0, +)..<microbatches {
            let next = counts.indices.min {
                time(pipelines[$0], microbatches: counts[$0] + 1)
                    < time(pipelines[$1], microbatches: counts[$1] + 1)
            }
            guard let next else { break }
            counts[next] += 1
        }
        return zip(pipelines, counts).map { time($0.0, microbatches: $0.1) }.max() ?? 0
    }
}
