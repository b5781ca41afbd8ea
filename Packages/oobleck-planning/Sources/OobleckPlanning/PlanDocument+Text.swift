public import OobleckSchedule
import OobleckTemplates
public import OobleckValues
import OobleckWords

/// Pipelines that are alike but for their nodes.
public struct PipelineKind {
    /// The template that they follow.
    public let template: PipelineTemplate
    /// Microbatches of each.
    public let microbatches: Int
    /// The order of the passes of each.
    public let schedule: PipelineSchedule
    /// Time of one step of each.
    public let time: Seconds
    /// The pipelines, in the order of the plan.
    public internal(set) var pipelines: [Pipeline]

    /// Times of the template's stages.
    public var stageTimes: [StageTime] { template.stages.map { StageTime($0) } }

    /// Share of the stages' time in which they wait.
    public var bubbleShare: Double {
        switch schedule {
        case .oneForwardOneBackward:
            // As ``ScheduleTimeline``, without the ends of all passes.
            var walk = ScheduleMakespans(stages: stageTimes)
            for _ in 0..<microbatches { walk.advance() }
            let available = walk.makespan().value * Double(template.stages.count)
            let busy = stageTimes.reduce(0) { $0 + $1.forward.value + $1.backward.value }
            return available > 0 ? 1 - Double(microbatches) * busy / available : 0
        }
    }
}

extension PlanDocument {
    /// The pipelines by kind, in order of the first of each.
    public var kinds: [PipelineKind] {
        var kinds: [PipelineKind] = []
        for pipeline in plan.pipelines {
            let known = kinds.firstIndex {
                $0.template.nodes == pipeline.templateNodes
                    && $0.microbatches == pipeline.microbatches
                    && $0.schedule == pipeline.schedule
            }
            if let known {
                kinds[known].pipelines.append(pipeline)
            } else if let template = template(nodes: pipeline.templateNodes) {
                kinds.append(
                    PipelineKind(
                        template: template,
                        microbatches: pipeline.microbatches,
                        schedule: pipeline.schedule,
                        time: pipeline.pipelineTime,
                        pipelines: [pipeline]
                    )
                )
            }
        }
        return kinds
    }

    /// The plan for people, within `width` columns.
    func text(width: Int) -> String {
        let seconds = planningTime.templates + planningTime.instantiation
        let heading = [
            "plan of \(counted(plan.nodes.count, "node")), generation "
                + "\(plan.generation), \(costModel.rawValue): step "
                + PlanReason.time(plan.stepTime),
            "\(counted(microbatches, "microbatch")) a step; "
                + "synchronisation \(PlanReason.time(plan.synchronizationTime)); planned in "
                + PlanReason.time(seconds),
            guaranteePhrase.folded(limit: width, indent: 4),
        ]
        let lines: [String] =
            heading + unprovedRows(width) + [""] + templateRows(width: width) + [""]
            + pipelineRows(width: width) + idleRows(width)
            + ["", reason.folded(limit: width, indent: 4)]
        return lines.joined(separator: "\n")
    }

    /// Which templates are not proved the best, and how far they may be from it.
    private func unprovedRows(_ width: Int) -> [String] {
        let gaps = templates.compactMap { template -> (nodes: Int, gap: Double)? in
            guard let least = template.leastIteration, least > 0 else { return nil }
            return (template.nodes, template.iteration.value / least.value - 1)
        }
        guard let greatest = gaps.map(\.gap).max() else { return [] }
        let sizes = gaps.prefix(8).map { "\($0.nodes)" }.joined(separator: ", ")
        let percent = (greatest * 10_000).rounded(.up) / 100
        return [
            ("not proved the least, search ended: templates of \(sizes)"
                + (gaps.count > 8 ? " and \(gaps.count - 8) more" : "")
                + " nodes; at most \(percent) % above it (an exhaustive search continues)").folded(
                    limit: width,
                    indent: 4
                )
        ]
    }

    private func idleRows(_ width: Int) -> [String] {
        guard !idleNodes.isEmpty else { return [] }
        let nodes = idleNodes.map(\.description).joined(separator: ", ")
        return [
            "idle, as no template has a place for them: \(nodes)".folded(limit: width, indent: 4)
        ]
    }

    private var guaranteePhrase: String {
        let losses = guarantee.faultTolerance
        guard losses > 0 else {
            return "guarantee: none, the fault tolerance is 0; runs on "
                + "\(guarantee.minimumNodes) to \(counted(guarantee.maximumNodes, "node"))"
        }
        let phrase = losses == 1 ? "1 loss" : "\(losses) losses at once"
        guard guarantee.minimumNodes <= guarantee.maximumNodes else {
            return
                "guarantee: none, to survive \(phrase) takes \(counted(guarantee.minimumNodes, "node"))"
        }
        guard losses < microbatches else {
            return
                "guarantee: none, to survive \(phrase) takes \(counted(losses + 1, "microbatch")) a step"
        }
        return
            "guarantee: with \(guarantee.minimumNodes) to \(counted(guarantee.maximumNodes, "node")), any "
            + "\(losses == 1 ? "one" : "\(losses)") may be lost at once and training goes on"
    }
}
