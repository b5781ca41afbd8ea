/// A step that was committed: one line of the ledger before it is chained.
package struct CommittedStep: Hashable, Sendable, Codable {
    /// Zero-based number of the step.
    package var step: Int
    package var generation: Generation
    /// Positions in the endless sample order: `[firstSample, endSample)`.
    package var firstSample: Int
    package var endSample: Int
    /// Mean over all microbatches, summed in microbatch order; finite unless the step is skipped.
    package var loss: Double
    /// Global gradient norm before clipping, summed in layer order; finite unless the step is
    /// skipped.
    package var gradientNorm: Double
    /// Why the update was left out, the same on all nodes; `nil` for a step like any other.
    package var skipped: String?

    package init(
        step: Int,
        generation: Generation,
        firstSample: Int,
        endSample: Int,
        loss: Double,
        gradientNorm: Double,
        skipped: String? = nil
    ) {
        self.step = step
        self.generation = generation
        self.firstSample = firstSample
        self.endSample = endSample
        self.loss = loss
        self.gradientNorm = gradientNorm
        self.skipped = skipped
    }
}

/// How one failure was survived (`result.json`, `recoveries`).
package struct RecoveryRecord: Hashable, Sendable, Codable {
    package var step: Int
    package var lostNodes: [NodeID]
    package var detect: Seconds
    package var decide: Seconds
    package var rebuild: Seconds
    package var transfer: Seconds
    package var transferBytes: ByteCount
    /// From the first sign of the failure to the start of the redone step on every worker.
    package var total: Seconds
    package var reason: String

    package init(
        step: Int,
        lostNodes: [NodeID],
        detect: Seconds,
        decide: Seconds,
        rebuild: Seconds,
        transfer: Seconds,
        transferBytes: ByteCount,
        total: Seconds,
        reason: String
    ) {
        self.step = step
        self.lostNodes = lostNodes
        self.detect = detect
        self.decide = decide
        self.rebuild = rebuild
        self.transfer = transfer
        self.transferBytes = transferBytes
        self.total = total
        self.reason = reason
    }

    private enum CodingKeys: String, CodingKey {
        case step
        case lostNodes = "lost_nodes"
        case detect = "detect_seconds"
        case decide = "decide_seconds"
        case rebuild = "rebuild_seconds"
        case transfer = "transfer_seconds"
        case transferBytes = "transfer_bytes"
        case total = "total_seconds"
        case reason
    }
}

/// How a run went back to a checkpoint (`result.json`, `restores`).
package struct RestoreRecord: Hashable, Sendable, Codable {
    /// Committed steps before and after.
    package var fromStep: Int
    package var step: Int
    package var stateSHA256: String
    /// Why: what was lost.
    package var reason: String
    /// From the loss until every worker had its layers.
    package var total: Seconds
    /// The longest that one worker took to load its layers.
    package var load: Seconds
    package var loadedBytes: ByteCount

    package init(
        fromStep: Int,
        step: Int,
        stateSHA256: String,
        reason: String,
        total: Seconds,
        load: Seconds,
        loadedBytes: ByteCount
    ) {
        self.fromStep = fromStep
        self.step = step
        self.stateSHA256 = stateSHA256
        self.reason = reason
        self.total = total
        self.load = load
        self.loadedBytes = loadedBytes
    }

    private enum CodingKeys: String, CodingKey {
        case fromStep = "from_step"
        case step
        case stateSHA256 = "state_sha256"
        case reason
        case total = "total_seconds"
        case load = "load_seconds"
        case loadedBytes = "loaded_bytes"
    }
}

/// What a finished run came to (`result.json`).
package struct RunResult: Hashable, Sendable, Codable {
    package var steps: Int
    package var finalLoss: Double
    /// Digest of parameters and optimizer state of all layers in layer order.
    package var stateSHA256: String
    package var failures: Int
    package var reconfigurations: Int
    package var samplesCommitted: Int
    package var samplesRepeated: Int
    package var recoveries: [RecoveryRecord]
    /// Returns to a checkpoint; `nil` without any.
    package var restores: [RestoreRecord]?

    package init(
        steps: Int,
        finalLoss: Double,
        stateSHA256: String,
        failures: Int,
        reconfigurations: Int,
        samplesCommitted: Int,
        samplesRepeated: Int,
        recoveries: [RecoveryRecord],
        restores: [RestoreRecord]? = nil
    ) {
        self.steps = steps
        self.finalLoss = finalLoss
        self.stateSHA256 = stateSHA256
        self.failures = failures
        self.reconfigurations = reconfigurations
        self.samplesCommitted = samplesCommitted
        self.samplesRepeated = samplesRepeated
        self.recoveries = recoveries
        self.restores = restores
    }

    private enum CodingKeys: String, CodingKey {
        case steps
        case finalLoss = "final_loss"
        case stateSHA256 = "state_sha256"
        case failures
        case reconfigurations
        case samplesCommitted = "samples_committed"
        case samplesRepeated = "samples_repeated"
        case recoveries
        case restores
    }
}

/// One node as `oobleck status` shows it.
package struct NodeStatus: Hashable, Sendable, Codable {
    /// The life of a node.
    package enum State: String, Sendable, Codable {
        case joining
        case healthy
        case suspect
        case draining
        case dead
    }

    package var id: NodeID
    package var state: State
    package var agentPID: Int?
    package var workerPIDs: [Int]
    package var pipeline: Int?
    package var stages: [Int]
    /// How many times longer it takes than its peers; `nil` for a node that is not slow.
    package var slowness: Double?

    package init(
        id: NodeID,
        state: State,
        agentPID: Int? = nil,
        workerPIDs: [Int] = [],
        pipeline: Int? = nil,
        stages: [Int] = [],
        slowness: Double? = nil
    ) {
        self.id = id
        self.state = state
        self.agentPID = agentPID
        self.workerPIDs = workerPIDs
        self.pipeline = pipeline
        self.stages = stages
        self.slowness = slowness
    }

    private enum CodingKeys: String, CodingKey {
        case id
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
    package enum Phase: String, Sendable, Codable {
        case starting
        /// The coordinator restarted or was cut off, and waits for its nodes.
        case reconnecting
        case reconfiguring
        case training
        case collecting
        case finished
        case stopped
        /// Too few nodes are left, or a layer's last copy is gone; there is a checkpoint.
        case waitingForNodes = "waiting-for-nodes"
    }

    package var phase: Phase
    /// Steps committed so far out of `steps`: number of the last committed step, counted from one.
    package var step: Int
    package var steps: Int
    package var generation: Generation
    package var loss: Double?
    /// Step time of the last committed step, start to commit.
    package var stepTime: Seconds?
    package var tokensPerSecond: Double?
    /// Share of worker time in the last step that was not computation.
    package var bubble: Double?
    package var pipelines: Int
    package var nodes: [NodeStatus]
    /// Committed steps in the newest checkpoint saved; `nil` before the first.
    package var checkpointStep: Int?

    package init(
        phase: Phase,
        step: Int,
        steps: Int,
        generation: Generation,
        loss: Double?,
        stepTime: Seconds?,
        tokensPerSecond: Double?,
        bubble: Double?,
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
        self.bubble = bubble
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
        case stepTime = "step_seconds"
        case tokensPerSecond = "tokens_per_second"
        case bubble
        case pipelines
        case nodes
        case checkpointStep = "checkpoint_step"
    }
}

/// Something that happened in a run (`events.jsonl`, one line), without the time, which the
/// recorder adds.
package struct RunEvent: Hashable, Sendable, Codable {
    /// What kind of thing happened.
    package enum Kind: String, Sendable, Codable {
        case nodeJoined = "node-joined"
        case nodeReady = "node-ready"
        case nodeLost = "node-lost"
        case nodeDrained = "node-drained"
        /// A worker ended because its memory did; what it held is not placed there again.
        case outOfMemory = "out-of-memory"
        case suspicion
        case aborted
        case planned
        case prepared
        case resumed
        case committed
        case recovered
        case warning
        case refused
        case finished
        case stopped
        case checkpointSaved = "checkpoint-saved"
        case checkpointFailed = "checkpoint-failed"
        case checkpointDamaged = "checkpoint-damaged"
        case waitingForNodes = "waiting-for-nodes"
        case restored
        case skipped
        case damaged
        case slow
        case rebalanced
        case evicted
        /// A coordinator took over from an earlier one.
        case restarted
        /// More than f nodes fell silent at once: the coordinator takes itself for cut off.
        case isolated
        /// After a restart of the coordinator, or a cut, the run goes on.
        case reconnected
    }

    package var kind: Kind
    package var generation: Generation
    package var step: Int
    package var node: NodeID?
    /// One line for people.
    package var message: String

    package init(
        kind: Kind,
        generation: Generation,
        step: Int,
        node: NodeID? = nil,
        message: String
    ) {
        self.kind = kind
        self.generation = generation
        self.step = step
        self.node = node
        self.message = message
    }
}
