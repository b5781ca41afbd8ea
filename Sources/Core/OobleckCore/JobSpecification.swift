/// How to train it.
///
/// AdamW with decoupled weight decay; the learning rate rises linearly, then follows its schedule.
package struct TrainingSpecification: Hashable, Sendable, Codable {
    package var steps: Int
    /// The step at which the learning rate reaches its minimum, at which it stays; `nil` is `steps`.
    package var decaySteps: Int?
    /// How the learning rate falls after the warmup; `nil` is `.cosine`.
    package var schedule: LearningRateDecay?
    /// Steps over which the rate falls at the end of `.stableThenDecay`; `nil` is a fifth of all.
    package var cooldownSteps: Int?
    package var seed: UInt64
    /// Samples of one step over all pipelines; never changes.
    package var globalBatch: Int
    /// Samples of one microbatch; never changes either.
    package var microbatch: Int
    package var learningRate: Double
    package var minimumLearningRate: Double
    package var warmupSteps: Int
    package var weightDecay: Double
    /// `nil` is AdamW.
    package var optimizer: OptimizerKind?
    /// Of SGD; `nil` is 0.
    package var momentum: Double?
    /// Whether SGD looks ahead (Nesterov's momentum); `nil` is not.
    package var nesterov: Bool?
    /// Patterns of the names of the parameters that are trained (``TrainedParameters``); `nil` is all.
    package var train: [String]?
    /// How layers compute; `nil` is float32.
    package var precision: Precision?
    /// What the backward pass computes again; `nil` is nothing.
    package var recompute: Recomputation?
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    /// Greatest global gradient norm; larger gradients are scaled down to it.
    package var gradientClip: Double
    /// After this number of consecutive steps with numbers that are not finite, training has
    /// diverged.
    package var skipLimit: Int

    package init(
        steps: Int,
        decaySteps: Int? = nil,
        schedule: LearningRateDecay? = nil,
        cooldownSteps: Int? = nil,
        seed: UInt64,
        globalBatch: Int,
        microbatch: Int,
        learningRate: Double,
        minimumLearningRate: Double,
        warmupSteps: Int,
        weightDecay: Double,
        beta1: Double,
        beta2: Double,
        epsilon: Double,
        gradientClip: Double,
        skipLimit: Int = 5
    ) {
        self.steps = steps
        self.decaySteps = decaySteps
        self.schedule = schedule
        self.cooldownSteps = cooldownSteps
        self.seed = seed
        self.globalBatch = globalBatch
        self.microbatch = microbatch
        self.learningRate = learningRate
        self.minimumLearningRate = minimumLearningRate
        self.warmupSteps = warmupSteps
        self.weightDecay = weightDecay
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.gradientClip = gradientClip
        self.skipLimit = skipLimit
    }

    /// Steps that the schedule of the learning rate is made for.
    package var scheduledSteps: Int { decaySteps ?? steps }

    /// Steps over which the rate falls at the end of `.stableThenDecay`.
    package var scheduledCooldown: Int { cooldownSteps ?? scheduledSteps / 5 }

    /// Changes how many steps are trained, and leaves the learning rate of every step as it is.
    ///
    /// A run that continues beyond its steps therefore has the bits of one that was to train all of
    /// them from the start.
    package mutating func extend(to steps: Int) {
        decaySteps = scheduledSteps
        self.steps = steps
        if decaySteps == steps { decaySteps = nil }
    }

    /// Trains another number of steps from the start; warmup and cooldown shrink where they must.
    package mutating func setSteps(_ steps: Int) {
        self.steps = steps
        warmupSteps = min(warmupSteps, scheduledSteps)
        cooldownSteps = cooldownSteps.map { max(1, min($0, scheduledSteps - warmupSteps)) }
    }

    /// Whether the backward pass computes forward passes again.
    package var recomputes: Bool { recompute == .layers }

    /// The parameters that training changes.
    package var trained: TrainedParameters { TrainedParameters(train) }

    /// Microbatches of one step over all pipelines.
    package var microbatchCount: Int { globalBatch / microbatch }
}

/// Where to train it.
package struct ClusterSpecification: Hashable, Sendable, Codable {
    package var nodes: Int
    /// Devices of each node, each with a worker of its own; `nil` is one.
    package var devicesPerNode: Int?
    package var faultTolerance: Int
    /// Memory of one device that the planner may use; `nil` is unlimited.
    package var deviceMemory: ByteCount?
    /// The longest time until a failure is detected; every deadline derives from it.
    package var detectionBudget: Seconds
    /// How long nodes without a coordinator wait for another; `nil` is ``defaultCoordinatorWait``.
    package var coordinatorWait: Seconds?
    /// Level of the processor that all nodes compute for; `nil` is whatever each finds.
    package var cpuLevel: CPULevel?
    /// Where all nodes compute; `nil` is the CPU.
    package var device: DeviceKind?
    /// What plans are compared by; `nil`, in jobs of versions that did not say, is ``CostModel/sosp23``.
    package var costModel: CostModel?
    /// Most floating-point operations a second of one device, in units of 10^12; `nil` leaves utilization out.
    package var peakTeraflops: Double?

    /// The most devices of a node.
    package static let mostDevicesPerNode = 8
    /// How long nodes wait for a coordinator when the job does not say.
    package static let defaultCoordinatorWait: Seconds = 600
    /// What plans are compared by when the job does not say; see decision 37.
    package static let defaultCostModel = CostModel.sosp23

    /// Workers of each node.
    package var workersPerNode: Int { devicesPerNode ?? 1 }

    /// What all plans of the run are compared by.
    package var planningCostModel: CostModel { costModel ?? .sosp23 }

    package init(
        nodes: Int,
        devicesPerNode: Int? = nil,
        faultTolerance: Int,
        deviceMemory: ByteCount?,
        detectionBudget: Seconds,
        coordinatorWait: Seconds? = nil,
        cpuLevel: CPULevel? = nil,
        device: DeviceKind? = nil,
        costModel: CostModel? = nil,
        peakTeraflops: Double? = nil
    ) {
        self.peakTeraflops = peakTeraflops
        self.coordinatorWait = coordinatorWait
        self.cpuLevel = cpuLevel
        self.device = device
        self.costModel = costModel
        self.nodes = nodes
        self.devicesPerNode = devicesPerNode
        self.faultTolerance = faultTolerance
        self.deviceMemory = deviceMemory
        self.detectionBudget = detectionBudget
    }
}

/// A whole job: what `CONFIG.yaml` says, resolved and checked.
package struct JobSpecification: Hashable, Sendable, Codable {
    package var model: ModelSpecification
    package var training: TrainingSpecification
    package var cluster: ClusterSpecification
    /// Absolute path of the corpus or of the columns, on every node.
    package var corpusPath: String
    /// Bytes of a token id in the corpus; `nil` leaves it to the file's kind.
    package var corpusTokenBytes: Int?
    /// Whether the data are columns, one for each tensor of the microbatch, and no tokens; `nil` is not.
    package var dataAreColumns: Bool?
    /// Which tokens a model has to guess; `nil` for models that guess the next.
    package var masking: MaskingSpecification?
    /// Absolute path of a folder with GPT-2 weights to start from; `nil` starts from the seed.
    package var initialWeightsPath: String?
    /// When the loss of other data is measured; `nil` is never.
    package var validation: ValidationSpecification?
    /// Saves of the state on the way; `nil` makes none.
    package var checkpoint: CheckpointSpecification?
    /// Failures to stage, for tests and demonstrations; empty in real runs.
    package var faults: [PlannedFault]
    package var stagedFaults: StagedFaults

    package init(
        model: ModelSpecification,
        training: TrainingSpecification,
        cluster: ClusterSpecification,
        corpusPath: String,
        corpusTokenBytes: Int? = nil,
        dataAreColumns: Bool? = nil,
        masking: MaskingSpecification? = nil,
        initialWeightsPath: String? = nil,
        validation: ValidationSpecification? = nil,
        checkpoint: CheckpointSpecification? = nil,
        faults: [PlannedFault] = [],
        stagedFaults: StagedFaults = StagedFaults()
    ) {
        self.model = model
        self.training = training
        self.cluster = cluster
        self.corpusPath = corpusPath
        self.corpusTokenBytes = corpusTokenBytes
        self.dataAreColumns = dataAreColumns
        self.masking = masking
        self.initialWeightsPath = initialWeightsPath
        self.validation = validation
        self.checkpoint = checkpoint
        self.faults = faults
        self.stagedFaults = stagedFaults
    }
}

/// The named places in a worker's code where a failure can be staged.
package enum FailurePoint: String, Sendable, Codable, CaseIterable {
    /// Between two layers of a forward pass.
    case midForward = "mid-forward"
    /// Between two layers of a backward pass.
    case midBackward = "mid-backward"
    /// After a send to the next or previous stage was posted, before it is known to be complete.
    case midSend = "mid-send"
    /// After all gradients are summed, before the commit vote.
    case beforeVote = "before-vote"
    /// After the commit vote, before the decision is applied.
    case afterVote = "after-vote"
    /// After some layers of an optimizer step were updated.
    case midOptimizer = "mid-optimizer"
    /// While groups of a new generation are being built.
    case midRebuild = "mid-rebuild"
    /// After the first layer of a layer transfer was sent or received.
    case midTransfer = "mid-transfer"
    /// After everything of a new generation is in place, before it is reported.
    case beforePrepared = "before-prepared"
    /// After the first layer of a checkpoint was written, before that is reported.
    case midCheckpoint = "mid-checkpoint"
    /// After the first layer of a checkpoint was loaded, before the rest is.
    case midRestore = "mid-restore"
    /// After a global batch of an evaluation.
    case midEvaluation = "mid-evaluation"
}

/// A staged failure: at a point of the code of one node, in one step, something dies by SIGKILL.
package struct PlannedFault: Hashable, Sendable, Codable {
    /// What dies.
    package enum Target: String, Sendable, Codable, CaseIterable {
        case worker
        case agent
        /// Agent and worker: the node's whole process group.
        case node
    }

    package var node: NodeID
    package var point: FailurePoint
    /// The step in which it happens; for points of a reconfiguration, the first such at or after it.
    package var step: Int
    package var target: Target
    /// The device of the node whose worker gets to the point; `nil` is the first.
    package var device: Int?

    package init(
        node: NodeID,
        point: FailurePoint,
        step: Int,
        target: Target,
        device: Int? = nil
    ) {
        self.device = device
        self.node = node
        self.point = point
        self.step = step
        self.target = target
    }
}
