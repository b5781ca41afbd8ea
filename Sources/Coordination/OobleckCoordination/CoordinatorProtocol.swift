import OobleckCore

/// What the coordinator's shell tells its decisions: ``Coordinator`` takes these with the time.
package enum CoordinatorEvent: Hashable, Sendable {
    /// An agent connected and was admitted as this node.
    case agentJoined(NodeID, agentPID: Int)
    /// A worker of a node connected.
    case workerJoined(WorkerID, workerPID: Int)
    /// An agent that was in the run before the coordinator restarted connected again.
    case agentReturned(NodeID, agentPID: Int)
    /// A worker that was in the run before the coordinator restarted connected again.
    case workerReturned(WorkerID, workerPID: Int, WorkerTestimony)
    /// A worker said something.
    case worker(WorkerID, WorkerMessage)
    /// Proof that the node is gone: its agent saw the worker exit, say.
    case nodeLost(NodeID, evidence: String)
    /// Nodes come back that had dropped this coordinator because they did not hear it.
    case dropped
    /// The stream of the node's agent, or of this worker of it, ended: proof as well, unless it was only
    /// an attempt to come back that was given up before it was answered.
    case sessionEnded(WorkerID, SessionSide)
    /// The agent of a node that we started ended: proof as well, and all that is ever heard of a node
    /// that has not joined.
    case agentEnded(NodeID, evidence: String)
    /// Proof that a worker of the node ended because its memory did.
    case outOfMemory(NodeID, evidence: String)
    /// A sign of life from the node's agent.
    case agentHeard(NodeID)
    /// A sign of life from a worker.
    case workerHeard(WorkerID)
    /// Someone asked that the node leaves at the next step boundary.
    case drainRequested(NodeID)
    /// Someone asked that the run ends: after the step in flight, with its state saved; the second
    /// time at once.
    case stopRequested(reason: String)
    /// The run has to end at once, whatever is not saved.
    case endRequested(reason: String)
    /// Someone asked for a checkpoint of the next step boundary.
    case saveRequested
    /// The checkpoint store has done what it was asked, or not.
    case checkpoint(CheckpointOutcome)
    /// Storage failed for so long, and works again: nothing could be decided meanwhile.
    case storageRestored(after: Seconds)
    /// Time has passed; sent at least four times per detection budget.
    case tick
}

/// What ``Coordinator`` tells its shell to do, in order.
///
/// What has to be kept is tried again until it is; a ``DirectiveQueue`` sees to that.
package enum CoordinatorDirective: Hashable, Sendable {
    /// Send to a worker. Messages to one worker keep their order.
    case send(WorkerID, CoordinatorMessage)
    /// The node is out for good: have its processes killed, drop its streams, refuse its messages.
    case fence(NodeID, reason: String)
    /// The node leaves in order, for this reason: tell its agent.
    case dismiss(NodeID, reason: String)
    /// Keep for the next coordinator, before performing any later directive.
    case persist(DurableChange)
    /// Append to the ledger, before performing any later directive.
    case record(CommittedStep)
    /// Append to the event log.
    case log(RunEvent)
    /// Write `plan.json`.
    case publish(PlanDocument)
    /// Note how a failure was survived.
    case recovered(RecoveryRecord)
    /// Note what the newest committed step took.
    case measured(StepMeasurement)
    /// Store a piece of the final state.
    case store(LayerChunk)
    /// Have the checkpoint store do this beside all else, and tell what came of it.
    case checkpoint(CheckpointAction)
    /// Append to the ledger that the run went back, before performing any later directive.
    case restored(RestoredRun)
    /// Append to the ledger what the run computes with, before performing any later directive.
    case recordArithmetic(RecordedArithmetic)
    /// Append to the ledger what the state comes to on the validation data, before performing any later
    /// directive.
    case recordEvaluation(RecordedEvaluation)
    /// Close the sessions of all agents and workers, which come back by themselves.
    case closeSessions
    /// Keep how the run ended, before anyone is told to leave: what is left to do after a death
    /// here is nothing.
    case conclude(RunOutcome)
    /// The run is over; no directive follows.
    case finish(RunOutcome)
}

/// How a run ended.
package enum RunOutcome: Hashable, Sendable {
    /// All steps are committed, and all replicas of every layer agree. Digests by layer.
    case completed(layerDigests: [String], finalLoss: Double?)
    /// The run could not go on.
    case stopped(OobleckError)
    /// This coordinator ends as if it had died: the nodes keep their state, and wait for another.
    case abandoned(OobleckError)
}
