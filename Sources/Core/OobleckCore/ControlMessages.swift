/// A message of the coordinator to a worker.
///
/// Each worker receives them in the order of the decisions, so the order has a meaning: a commit
/// that arrives before an abort is binding.
package enum CoordinatorMessage: Hashable, Sendable {
    /// The job to train. First message of a session.
    case job(JobSpecification)
    /// Get ready for a plan: build its groups, fetch the layers it needs, then report `prepared`.
    case reconfigure(Reconfiguration)
    /// All workers are prepared: train under `generation` from step `step` (zero-based) onward.
    case resume(generation: Generation, step: Int)
    /// All workers have the state after `step` steps: measure its loss on the validation data, then
    /// wait for another message. Sent in place of `resume`, and after a commit that pauses.
    case evaluate(generation: Generation, step: Int)
    /// The outcome of step `step`: apply it. After a commit that pauses, wait for the next plan.
    case commit(StepCommit)
    /// The generation is over: drop the step in flight and wait for the next plan.
    case abort(generation: Generation, reason: String)
    /// A key of a group's rendezvous, published by some member of the generation.
    case rendezvous(Rendezvous)
    /// Training is over: report the digests of all layers held, and upload the `upload` ones.
    case collect(generation: Generation, upload: [Int])
    /// Leave. The worker exits with status 0.
    case stop(reason: String)
    /// Copy layers in their present state, write the copies while training continues, report each.
    case checkpoint(CheckpointOrder)
}

/// A message of a worker to the coordinator.
package enum WorkerMessage: Hashable, Sendable {
    /// The worker has the job and its corpus, and can be planned for.
    ///
    /// Digests of what it read: the corpus, the model with its initial weights, and the validation data,
    /// empty where there are none; and the arithmetic that it has.
    case ready(
        corpusDigest: String,
        modelDigest: String = "",
        arithmetic: Arithmetic? = nil,
        validationDigest: String = ""
    )
    /// The plan of `generation` is in place on this worker.
    case prepared(PreparationReport)
    /// The first layer's work of the first step of this generation is about to start.
    case resumed(generation: Generation, step: Int)
    /// The worker's share of the step is computed and summed: it can commit.
    case vote(StepVote)
    /// Losses of one global batch of the validation data.
    case evaluated(EvaluationReport)
    /// A collective of this generation failed or timed out: a member may be dead.
    case faulted(generation: Generation, message: String, FaultFindings = FaultFindings())
    /// The worker cannot continue under any plan: the run must end with this exit status.
    case failed(exitStatus: Int32, message: String)
    /// A key of a group's rendezvous, for all other members of the generation.
    case rendezvous(Rendezvous)
    /// SHA-256 of each layer's state held, hexadecimal, by layer.
    case digests(generation: Generation, digests: [Int: String])
    /// A piece of an uploaded layer's state, a safetensors file, in order.
    case layerChunk(LayerChunk)
    /// A layer of a checkpoint is written, or cannot be.
    case shard(ShardReport)
    /// A layer of the checkpoint to restore cannot be loaded.
    case restoreFailed(RestoreFailure)
}

/// A worker's evidence of why its generation cannot continue.
package struct FaultFindings: Hashable, Sendable {
    /// Members of the generation that it could not connect to.
    package var unreached: [NodeID]
    /// Layers that it was to send, whose state changed since its own last update.
    package var damagedLayers: Set<Int>

    package init(unreached: [NodeID] = [], damagedLayers: Set<Int> = []) {
        self.unreached = unreached
        self.damagedLayers = damagedLayers
    }
}

/// A plan, and what each worker has to do to get there.
package struct Reconfiguration: Hashable, Sendable, Codable {
    /// The plan; its generation is the reconfiguration's.
    package var plan: ExecutionPlan
    /// The templates that the plan's pipelines follow.
    package var templates: [PipelineTemplate]
    /// Steps committed so far: training resumes at this zero-based step.
    ///
    /// At zero there is no state yet and every worker initialises its layers from the seed.
    package var committedSteps: Int
    /// The layers to copy before training resumes.
    package var transfers: [LayerTransfer]
    /// The checkpoint from which every worker loads its layers, instead of what it holds.
    package var restore: RestorePoint?
    /// The longest expected time of a step; the limits of waits for other workers follow from it.
    package var expectedStep: Seconds
    /// Bytes that a link moves in a second, if known; the limits of waits for copies follow from
    /// it.
    package var linkBytesPerSecond: Double?
    /// Whether every worker must compute its fingerprint again, because a check found wrong
    /// results.
    package var provesArithmetic: Bool?
    /// Nodes of the plan whose machine another one shares, as far as their agents tell; ascending.
    package var sharingNodes: [NodeID]?

    package init(
        plan: ExecutionPlan,
        templates: [PipelineTemplate],
        committedSteps: Int,
        transfers: [LayerTransfer],
        restore: RestorePoint? = nil,
        expectedStep: Seconds = .zero
    ) {
        self.plan = plan
        self.templates = templates
        self.committedSteps = committedSteps
        self.transfers = transfers
        self.restore = restore
        self.expectedStep = expectedStep
    }

    package var generation: Generation { plan.generation }

    /// Bytes of the layers that one worker has to receive, at most.
    package var mostReceived: ByteCount {
        let received = Dictionary(grouping: transfers, by: \.receiver)
            .mapValues { ByteCount.total($0.map(\.bytes)) }
        return received.values.max() ?? 0
    }

    /// The template that a pipeline of this plan follows.
    package func template(of pipeline: Pipeline) -> PipelineTemplate {
        guard let template = templates.first(where: { $0.nodes == pipeline.templateNodes }) else {
            preconditionFailure("plan uses a template of \(pipeline.templateNodes) nodes it lacks")
        }
        return template
    }

    /// The layers that each node holds under the plan.
    package var layersByNode: [NodeID: [Int]] {
        var layers: [NodeID: [Int]] = [:]
        for pipeline in plan.pipelines {
            let template = template(of: pipeline)
            for (place, node) in pipeline.nodes.enumerated() {
                layers[node] = template.layers(ofNode: place)
            }
        }
        return layers
    }
}

/// How one worker prepared for a plan.
package struct PreparationReport: Hashable, Sendable {
    package var generation: Generation
    /// Building the groups.
    package var rebuild: Seconds
    /// Copying layers.
    package var transfer: Seconds
    /// Bytes received.
    package var received: ByteCount
    /// The worker's last attempt at a step, if it ended without a vote.
    package var abandoned: AbandonedTry?
    /// The present fingerprint of its arithmetic, if the plan requests it.
    package var fingerprint: String?

    package init(
        generation: Generation,
        rebuild: Seconds,
        transfer: Seconds,
        received: ByteCount,
        abandoned: AbandonedTry? = nil,
        fingerprint: String? = nil
    ) {
        self.fingerprint = fingerprint
        self.generation = generation
        self.rebuild = rebuild
        self.transfer = transfer
        self.received = received
        self.abandoned = abandoned
    }
}

/// An attempt at a step that a worker had to give up before its vote.
package struct AbandonedTry: Hashable, Sendable {
    package var step: Int
    /// From its start to its end.
    package var elapsed: Seconds
    /// The part of it in which the worker waited for others.
    package var waited: Seconds

    package init(step: Int, elapsed: Seconds, waited: Seconds) {
        self.step = step
        self.elapsed = elapsed
        self.waited = waited
    }
}

/// One worker's share of a step, ready to commit.
package struct StepVote: Hashable, Sendable {
    package var generation: Generation
    package var step: Int
    /// Squared norm of the summed gradient of each layer held, by layer.
    ///
    /// Equal on all holders.
    package var squaredNorms: [Int: Double]
    /// Loss of each microbatch whose last stage ran here, by index in the global batch: the mean over
    /// its targets, or their sum where ``targetCounts`` says of how many.
    package var losses: [Int: Double]
    /// Of each microbatch whose loss is a sum: its targets that count.
    package var targetCounts: [Int: Int]
    /// Time spent computing in this step, for the idle share.
    package var busy: Seconds
    /// Layers whose output or gradient was not finite in some microbatch.
    package var nonFinite: NonFiniteLayers
    /// Time spent computing each layer in this step, over all its microbatches.
    package var layerTimes: [Int: Seconds]
    /// The state of each layer before this step's update, as this worker holds it.
    package var state: StateObservation
    /// In a step with a check (``SpotCheckSchedule``), from holders of its layer.
    package var spotCheck: SpotCheck?
    /// Where the worker's time went, for people.
    package var times: WorkerTimes

    package init(
        generation: Generation,
        step: Int,
        squaredNorms: [Int: Double],
        losses: [Int: Double],
        targetCounts: [Int: Int] = [:],
        busy: Seconds,
        nonFinite: NonFiniteLayers = NonFiniteLayers(),
        layerTimes: [Int: Seconds] = [:],
        state: StateObservation = StateObservation(),
        spotCheck: SpotCheck? = nil,
        times: WorkerTimes = WorkerTimes()
    ) {
        self.times = times
        self.generation = generation
        self.step = step
        self.squaredNorms = squaredNorms
        self.losses = losses
        self.targetCounts = targetCounts
        self.busy = busy
        self.nonFinite = nonFinite
        self.layerTimes = layerTimes
        self.state = state
        self.spotCheck = spotCheck
    }
}

/// Where numbers that are not finite appeared in a step.
package struct NonFiniteLayers: Hashable, Sendable {
    /// Layers whose output in a forward pass was not finite although their input was.
    package var outputs: Set<Int>
    /// Layers whose gradient was not finite, or too large for the exact sums.
    package var gradients: Set<Int>

    package init(outputs: Set<Int> = [], gradients: Set<Int> = []) {
        self.outputs = outputs
        self.gradients = gradients
    }

    package var isEmpty: Bool { outputs.isEmpty && gradients.isEmpty }
}

/// A worker's report on the state it holds, by which differing copies are detected.
package struct StateObservation: Hashable, Sendable {
    /// Digest of each layer's parameters and moments; empty where none are taken.
    package var digests: [Int: UInt64]
    /// Layers whose digest changed since the worker's own last update.
    package var altered: Set<Int>

    package init(digests: [Int: UInt64] = [:], altered: Set<Int> = []) {
        self.digests = digests
        self.altered = altered
    }
}

/// The decision that a step counts.
package struct StepCommit: Hashable, Sendable {
    /// The step's line of the ledger, so that a worker that applied it can prove that it counts.
    package var record: CommittedStep
    /// The factor of the microbatches' mean gradient: it clips the norm, and corrects the gradient
    /// where losses are sums (``JobSpecification/gradientCorrection(targets:)``).
    package var gradientFactor: Double
    /// Whether to wait for another message after applying, instead of starting the next step.
    package var pauses: Bool
    /// Whether the update is left out, because the step's numbers are not finite.
    package var skips: Bool

    package var generation: Generation { record.generation }
    package var step: Int { record.step }

    package init(
        record: CommittedStep,
        gradientFactor: Double,
        pauses: Bool,
        skips: Bool = false
    ) {
        self.record = record
        self.gradientFactor = gradientFactor
        self.pauses = pauses
        self.skips = skips
    }
}

/// One key of the key-value store through which the members of a group find each other.
package struct Rendezvous: Hashable, Sendable {
    package var generation: Generation
    package var key: String
    package var value: [UInt8]

    package init(generation: Generation, key: String, value: [UInt8]) {
        self.generation = generation
        self.key = key
        self.value = value
    }
}

/// A piece of a layer's state on its way to the run directory.
package struct LayerChunk: Hashable, Sendable {
    package var generation: Generation
    package var layer: Int
    package var bytes: [UInt8]
    package var isLast: Bool

    package init(generation: Generation, layer: Int, bytes: [UInt8], isLast: Bool) {
        self.generation = generation
        self.layer = layer
        self.bytes = bytes
        self.isLast = isLast
    }
}
