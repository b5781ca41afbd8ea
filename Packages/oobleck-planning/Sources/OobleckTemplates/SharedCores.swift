package import OobleckValues

/// The cost of nodes that share the processors of one machine.
///
/// Profiles and templates assume a core for each device. Where more devices share fewer cores, they
/// take turns: pipelines no longer run in parallel, and the work of other devices fills bubbles and
/// waits. So the step takes the longer of two times: all of its work divided by the cores, and its
/// time with a core for each device. This is a lower bound of the real step, and close to it where
/// the cores are busy; `Documentation/Decisions/0025-shared-cores.md` has measurements.
///
/// The work of a step, in core-seconds:
/// - the forward and backward passes of all microbatches;
/// - the sums of the gradients: each pipeline takes part in each layer's all-reduce. The profile's
///   times are those of two members on a core each, and grow with the members as in a ring.
package struct SharedCores: Hashable, Sendable {
    /// Cores that all nodes have together; may be a fraction, as a control group's quota is.
    package let count: Double

    /// `count` cores, or `nil` for a count that is not positive and finite.
    package init?(_ count: Double) {
        guard count.isFinite, count > 0 else { return nil }
        self.count = count
    }

    /// Whether `devices` devices must take turns.
    package func areShared(devices: Int) -> Bool { Double(devices) > count }

    /// Core-seconds of a step's passes: each pipeline's microbatches through all of its stages.
    static func passes(_ pipelines: some Sequence<(PipelineTemplate, Int)>) -> Double {
        pipelines.reduce(0) { sum, pipeline in
            let (template, microbatches) = pipeline
            let work = template.stages.reduce(0) {
                $0 + Double($1.devices) * ($1.forward.value + $1.backward.value)
            }
            return sum + Double(microbatches) * work
        }
    }

    /// Core-seconds of the sums of a step's gradients among `pipelines` pipelines.
    static func sums(_ layers: [LayerProfile], pipelines: Int) -> Double {
        Double(pipelines)
            * layers.reduce(0) { $0 + $1.allReduceTime(amongNodes: pipelines).value }
    }

    /// How much longer than `alone`, with a core for each device, a step of `work` core-seconds
    /// takes.
    func excess(work: Double, alone: Seconds) -> Seconds {
        Seconds(max(0, work / count - alone.value))
    }

    /// As `6 nodes share 2 cores`.
    package func description(nodes: Int) -> String {
        let rounded = (count * 10).rounded() / 10
        let number = rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
        return "\(nodes) nodes share \(number) \(number == "1" ? "core" : "cores")"
    }
}

extension Instantiator {
    /// The best over the counts of pipelines where cores are shared: then only the count of pipelines
    /// changes the work of a step, so that the best of each count is compared.
    func fastestShared(nodes: Int, counts: ClosedRange<Int>) -> Instantiation? {
        var best: Instantiation?
        for count in counts {
            let found =
                isOverlapped
                ? fastestOverlapped(nodes: nodes, counts: count...count)
                : fastestAlone(nodes: nodes, counts: count...count)
            guard let found else { continue }
            if let known = best, key(known) <= key(found) { continue }
            best = found
        }
        return best
    }

    /// By step, then by the step with a core for each device, then by count.
    private func key(_ found: Instantiation) -> (Double, Double, Int) {
        let alone = found.step - found.contention
        return (found.step.value, alone.value, found.nodeCounts.count)
    }
}

extension PlanDocument {
    /// How much longer a step of these pipelines takes than with a core for each device, when it took
    /// so much longer before with other microbatches or other speeds: the work grows in proportion.
    package func contention(
        alone: Seconds,
        _ pipelines: [(template: PipelineTemplate, microbatches: Int)]
    ) -> Seconds {
        guard let sharedCores, let cores = SharedCores(sharedCores) else { return .zero }
        let before = plan.pipelines.compactMap { pipeline in
            template(nodes: pipeline.templateNodes).map { ($0, pipeline.microbatches) }
        }
        let passes = SharedCores.passes(before)
        // What the work was beside the passes, as far as the step shows it.
        let rest = max(0, plan.stepTime.value * cores.count - passes)
        guard plan.stepTime > plan.aloneStepTime else { return .zero }
        let work = SharedCores.passes(pipelines.map { ($0.template, $0.microbatches) }) + rest
        return cores.excess(work: work, alone: alone)
    }
}

extension ExecutionPlan {
    /// The step with a core for each device: the slowest pipeline and the synchronisation.
    package var aloneStepTime: Seconds {
        (pipelines.map(\.pipelineTime).max() ?? .zero) + synchronizationTime
    }
}
