extension RunEvent {
    /// What happened, with all that is known of it.
    package enum Content: Hashable, Sendable {
        case nodeJoined(NodeID, agentPID: Int)
        case nodeReady(NodeID)
        case nodeLost(NodeID, LossCause)
        case nodeDrained(NodeID)
        /// `name` is what the node calls itself; `load` is what it had been given to hold.
        case outOfMemory(NodeID, name: String, evidence: String, load: MemoryBound)
        case suspicion(NodeID, side: SessionSide, silence: Seconds)
        /// The generation that is over.
        case aborted(Generation, reason: String)
        case planned(PlannedGeneration)
        case prepared(Generation, nodes: Int)
        case resumed(Generation)
        case committed(step: Int, loss: Double, isSkipped: Bool)
        /// A step that the store did not know, and whose commit workers could prove.
        case proven(step: Int)
        case evaluated(RecordedEvaluation)
        case recovered(RecoveryRecord)
        case warning(Warning)
        case refused(Refusal)
        case finished
        case stopping(reason: String, end: StopEnd)
        case stopped(reason: String)
        case checkpointRequested(CheckpointRequest)
        case checkpointSaved(SavedCheckpoint)
        case checkpointFailed(FailedCheckpoint)
        /// `node` could not load it; `nil` when the store found the damage.
        case checkpointDamaged(NodeID?, reason: String)
        case waitingForNodes(reason: String)
        case restored(RestoreRecord)
        case skipped(SkippedStep)
        case damaged(Damage)
        /// `nil` when the node is as fast as its peers again.
        case slow(NodeID, NodeSlowness?)
        /// Predicted times of a step.
        case rebalanced(before: Seconds, after: Seconds)
        case setAside(NodeID, NodeSlowness, stepWithout: Seconds, stepWith: Seconds)
        case restarted(term: Int, decay: DecaySpan?)
        case isolated(IsolationCause)
        case reconnected(Reconnected)
        case storageTrouble(StorageTrouble)
        /// `wasSlow` when writes did not fail, but did not return either.
        case storageRestored(after: Seconds, wasSlow: Bool)
        /// Recorded by another version of the program: its kind or its fields are not known here.
        case untyped(Kind, NodeID?, message: String)
    }
}

extension RunEvent.Content {
    package var kind: RunEvent.Kind {
        switch self {
        case .nodeJoined: .nodeJoined
        case .nodeReady: .nodeReady
        case .nodeLost: .nodeLost
        case .nodeDrained: .nodeDrained
        case .outOfMemory: .outOfMemory
        case .suspicion: .suspicion
        case .aborted: .aborted
        case .planned: .planned
        case .prepared: .prepared
        case .resumed: .resumed
        case .committed, .proven: .committed
        case .evaluated: .evaluated
        case .recovered: .recovered
        case .warning: .warning
        case .refused: .refused
        case .finished: .finished
        case .stopping: .stopping
        case .stopped: .stopped
        case .checkpointRequested: .checkpointRequested
        case .checkpointSaved: .checkpointSaved
        case .checkpointFailed: .checkpointFailed
        case .checkpointDamaged: .checkpointDamaged
        case .waitingForNodes: .waitingForNodes
        case .restored: .restored
        case .skipped: .skipped
        case .damaged: .damaged
        case .slow: .slow
        case .rebalanced: .rebalanced
        case .setAside: .setAside
        case .restarted: .restarted
        case .isolated: .isolated
        case .reconnected: .reconnected
        case .storageTrouble: .storageTrouble
        case .storageRestored: .storageRestored
        case .untyped(let kind, _, _): kind
        }
    }

    /// The one node that it concerns, if it concerns one.
    package var node: NodeID? {
        switch self {
        case .nodeJoined(let node, _), .nodeReady(let node), .nodeLost(let node, _),
            .nodeDrained(let node), .outOfMemory(let node, _, _, _), .suspicion(let node, _, _),
            .slow(let node, _), .setAside(let node, _, _, _):
            node
        case .checkpointDamaged(let node, _), .untyped(_, let node, _): node
        case .checkpointFailed(let failed): failed.node
        case .warning(let warning): warning.node
        case .refused(let refusal): refusal.node
        case .damaged(.copies(let node, _)): node
        case .aborted, .planned, .prepared, .resumed, .committed, .proven, .evaluated, .recovered,
            .finished, .stopping, .stopped, .checkpointRequested, .checkpointSaved,
            .waitingForNodes, .restored, .skipped, .damaged, .rebalanced, .restarted, .isolated,
            .reconnected, .storageTrouble, .storageRestored:
            nil
        }
    }
}
