import OobleckCore

/// The properties of a training run, computed without starting it (`oobleck train --dry-run`).
package struct DryRunReport: Sendable, Encodable {
    package let model: String
    /// Where the layers' times come from: a file, or `nil` when they were measured just now.
    package let profilePath: String?
    package let plan: PlanDocument
    package let nodes: NodeMemory
    package let deviceMemory: ByteCount?
    package let steps: Int
    package let stepTime: Seconds
    package let totalTime: Seconds
    package let samplesPerStep: Int
    package let tokensPerStep: Int
    /// Passes over the corpus.
    package let epochs: Double
    package let checkpoint: CheckpointSpecification?
    /// Parameters and optimizer state of all layers: what a checkpoint holds.
    package let stateBytes: ByteCount
    /// Simultaneous node losses that the run survives.
    package let survivable: Int
    /// Fewest nodes that can train.
    package let leastNodes: Int

    private enum CodingKeys: String, CodingKey {
        case model
        case profilePath = "profile"
        case plan
        case nodes
        case deviceMemory = "device_memory_bytes"
        case steps
        case stepTime = "step_seconds"
        case totalTime = "total_seconds"
        case samplesPerStep = "samples_per_step"
        case tokensPerStep = "tokens_per_step"
        case epochs
        case checkpoint
        case stateBytes = "state_bytes"
        case survivable = "survivable_losses"
        case leastNodes = "least_nodes"
    }

    /// The report of a job under its first plan.
    ///
    /// `profilePath` is the file that the profile is from, `nil` when it was measured;
    /// `corpusSamples` is how many whole samples the corpus has.
    package init(
        job: JobSpecification,
        profile: ModelProfile,
        profilePath: String?,
        plan: PlanDocument,
        corpusSamples: Int
    ) {
        model = job.model.name
        self.profilePath = profilePath
        self.plan = plan
        deviceMemory = job.cluster.deviceMemory
        steps = job.training.steps
        stepTime = plan.plan.stepTime
        totalTime = Double(steps) * stepTime
        samplesPerStep = job.training.globalBatch
        tokensPerStep = samplesPerStep * (job.model.sequenceLength ?? 1)
        epochs = Double(samplesPerStep) * Double(steps) / Double(max(1, corpusSamples))
        checkpoint = job.checkpoint
        stateBytes = profile.layers.reduce(0) { $0 + $1.parameterBytes + $1.optimizerBytes }
        survivable = min(job.cluster.faultTolerance, plan.plan.pipelines.count - 1)
        leastNodes = plan.templates.map(\.nodes).min() ?? plan.plan.nodes.count
        nodes = NodeMemory(plan: plan, profile: profile)
    }
}

extension DryRunReport {
    /// The report for people, no line wider than `limit` if that is possible.
    package func lines(limit: Int?) -> [String] {
        let facts: [(String, String)] = [
            ("model", "\(model), \(profilePhrase)"),
            ("plan", plan.reason),
            (
                "step",
                "\(counted(samplesPerStep, "sample")) in \(counted(plan.microbatches, "microbatch")), "
                    + "\(counted(tokensPerStep, "token")); predicted \(stepTime.duration)"
            ),
            (
                "run",
                "\(counted(steps, "step")), \(NumberText.short(Double(steps) * Double(tokensPerStep)))"
                    + " tokens, \(NumberText.decimal(epochs, 2)) epochs; predicted "
                    + NumberText.clock(totalTime)
            ),
            ("memory", memoryPhrase), ("checkpoints", checkpointPhrase),
            ("guarantee", guaranteePhrase),
        ]
        let width = 13
        return ["dry run: nothing is started, and nothing is left behind".folded(limit: limit)]
            + facts.map { name, text in
                (name.padded(to: width) + text).foldedAfter(width, limit: limit)
            }
            + [""] + nodes.lines(limit: limit)
    }

    private var profilePhrase: String {
        profilePath.map { "profile \($0)" } ?? "measured just now on this machine"
    }

    private var memoryPhrase: String {
        let most = nodes.most
        let limit = deviceMemory.map { " of \($0)" } ?? "; device_memory is not limited"
        return "at most \(most) on a \(nodes.place)\(limit)"
    }

    private var checkpointPhrase: String {
        guard let checkpoint else { return "none" }
        let rhythm =
            switch checkpoint.rhythm {
            case .steps(let steps): "every \(counted(steps, "step"))"
            case .youngDaly: "as often as pays (young-daly)"
            }
        let place = checkpoint.directory ?? "checkpoints/ of the run directory"
        return "\(rhythm), \(stateBytes) each, the last \(checkpoint.keep) stay, in \(place)"
    }

    private var guaranteePhrase: String {
        let count = plan.plan.nodes.count + plan.idleNodes.count
        let least = "least nodes \(leastNodes)"
        let wanted = plan.guarantee.faultTolerance
        guard survivable > 0 else {
            let why =
                wanted > 0
                ? "fault_tolerance \(wanted) takes \(counted(plan.guarantee.minimumNodes, "node")) "
                    + "and \(counted(wanted + 1, "microbatch"))"
                : "fault_tolerance is 0"
            return "no node may be lost: \(why); \(least)"
        }
        let short =
            survivable < wanted
            ? ", not the wanted \(wanted), which takes "
                + counted(plan.guarantee.minimumNodes, "node")
            : ""
        return
            "any \(survivable) of \(counted(count, "node")) may be lost at once\(short); \(least)"
    }
}
