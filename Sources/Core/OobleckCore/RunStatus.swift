/// One node as `oobleck status` shows it.
package struct NodeStatus: Hashable, Sendable, Codable {
    /// The life of a node.
    package enum State: String, Sendable, Codable, CaseIterable {
        case joining
        case healthy
        case suspect
        case draining
        /// Lost: it failed.
        case dead
        /// It left in order, as it was asked to.
        case drained
        /// It was removed because it was too slow; no longer done, but earlier runs have it.
        case evicted
        /// It was refused, and never worked for the run.
        case refused
        /// The run ended, and the node with it.
        case done
        /// The coordinator ended, and the node waits for another.
        case waiting

        /// Whether the node takes part in the run, or is about to.
        package var isAlive: Bool {
            switch self {
            case .joining, .healthy, .suspect, .draining, .waiting: true
            case .dead, .drained, .evicted, .refused, .done: false
            }
        }
    }

    package var id: NodeID
    /// What its agent calls it; `nil` before it has joined.
    package var name: String?
    package var state: State
    package var agentPID: Int?
    package var workerPIDs: [Int]
    package var pipeline: Int?
    package var stages: [Int]
    /// Its slowness, as a multiple of its peers' time; `nil` for a node that is not slow.
    package var slowness: Double?

    package init(
        id: NodeID,
        name: String? = nil,
        state: State,
        agentPID: Int? = nil,
        workerPIDs: [Int] = [],
        pipeline: Int? = nil,
        stages: [Int] = [],
        slowness: Double? = nil
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.agentPID = agentPID
        self.workerPIDs = workerPIDs
        self.pipeline = pipeline
        self.stages = stages
        self.slowness = slowness
    }

    private enum CodingKeys: String, CodingKey {
        case id
        case name
        case state
        case agentPID = "agent_pid"
        case workerPIDs = "worker_pids"
        case pipeline
        case stages
        case slowness
    }
}

/// A run as `oobleck status` shows it (`status.json`).
package struct RunStatus: Hashable, Sendable, Codable {
    /// What the run is doing.
    package enum Phase: String, Sendable, Codable, CaseIterable {
        case starting
        /// The coordinator restarted or was cut off, and waits for its nodes.
        case reconnecting
        case reconfiguring
        case training
        /// The state is measured on the validation data before the next step.
        case evaluating
        case collecting
        /// Someone asked that the run ends; its last step is committed and is being saved.
        case stopping
        case finished
        case stopped
        /// Too few nodes are left, or a layer lost its last copy; a checkpoint exists.
        case waitingForNodes = "waiting-for-nodes"
        /// A required record cannot be written; the nodes keep their state.
        case waitingForStorage = "waiting-for-storage"
    }

    package var phase: Phase
    /// Steps committed so far out of `steps`: number of the last committed step, counted from one.
    package var step: Int
    package var steps: Int
    package var generation: Generation
    package var loss: Double?
    /// Loss of the newest evaluation, and the committed steps in the state that it is of.
    package var validationLoss: Double?
    package var validationStep: Int?
    /// Step time of the last committed step, start to commit.
    package var stepTime: Seconds?
    package var tokensPerSecond: Double?
    /// Share of worker time in the last step that was not computation: waiting for other stages, for
    /// sums and for the commit, and the update.
    package let idleShare: Double?
    /// ``idleShare`` under the name that it had in version 1 of the file, for those who read that.
    private let bubble: Double?
    package var pipelines: Int
    package var nodes: [NodeStatus]
    /// Committed steps in the newest checkpoint saved; `nil` before the first.
    package var checkpointStep: Int?
    /// Why storage does not work, and for how long; `nil` while it does.
    package var storageTrouble: String?
    /// Why the run ended before its last step; `nil` while it runs, and when it is finished.
    package var reason: String?
    /// When this was written, in seconds since 1970; `nil` before it is.
    package var updated: Double?
    /// Added by the reader of the file: when the newest checkpoint was published, until when nodes
    /// wait for a coordinator, both in seconds since 1970, and the command that resumes the run.
    package var checkpointSaved: Double?
    package var nodesWaitUntil: Double?
    package var resumeCommand: String?

    package init(
        phase: Phase,
        step: Int,
        steps: Int,
        generation: Generation,
        loss: Double?,
        stepTime: Seconds?,
        tokensPerSecond: Double?,
        idleShare: Double?,
        pipelines: Int,
        nodes: [NodeStatus],
        checkpointStep: Int? = nil
    ) {
        self.phase = phase
        self.step = step
        self.steps = steps
        self.generation = generation
        self.loss = loss
        self.stepTime = stepTime
        self.tokensPerSecond = tokensPerSecond
        self.idleShare = idleShare
        bubble = idleShare
        self.pipelines = pipelines
        self.nodes = nodes
        self.checkpointStep = checkpointStep
    }

    private enum CodingKeys: String, CodingKey {
        case phase
        case step
        case steps
        case generation
        case loss
        case validationLoss = "validation_loss"
        case validationStep = "validation_step"
        case stepTime = "step_seconds"
        case tokensPerSecond = "tokens_per_second"
        case idleShare = "idle_share"
        case bubble
        case pipelines
        case nodes
        case checkpointStep = "checkpoint_step"
        case storageTrouble = "storage_trouble"
        case reason
        case updated = "updated_at"
        case checkpointSaved = "checkpoint_saved_at"
        case nodesWaitUntil = "nodes_wait_until"
        case resumeCommand = "resume_command"
    }
}
