import OobleckCoordination
import OobleckCore

/// Where a run leaves its traces.
///
/// Called from one thread at a time, in the order of the decisions.
///
/// What must be kept throws when it is not, with nothing of it done, so that the call can be
/// repeated: after `.storage` the run waits and does so, after any other error it ends. What only
/// people read is never waited for and never fails.
package protocol RunRecording: Sendable {
    /// Appends to the ledger.
    func record(_ step: CommittedStep) throws
    /// Appends to the event log.
    func log(_ event: TimedEvent)
    /// Replaces the plan that people read.
    func publish(_ plan: PlanDocument)
    /// Notes how a failure was survived.
    func recovered(_ recovery: RecoveryRecord)
    /// Notes what the step recorded last took.
    func measured(_ step: StepMeasurement)
    /// Stores a piece of the final state.
    func store(_ chunk: LayerChunk) throws
    /// Appends to the ledger that the run went back to a checkpoint.
    func record(_ restored: RestoredRun) throws
    /// Appends to the ledger what the run computes with.
    func record(_ recorded: RecordedArithmetic) throws
    /// Appends to the ledger what the state comes to on the validation data.
    func record(_ recorded: RecordedEvaluation) throws
    /// Has the checkpoint store do something, returns at once, and reports what came of it later,
    /// from any thread.
    func perform(
        _ action: CheckpointAction,
        report: @escaping @Sendable (CheckpointOutcome) -> Void
    )
    /// Nothing could be kept, for this reason: gives back what the run can do without, where that
    /// helps. Returns at once.
    func makeRoom(after failure: OobleckError)
    /// Replaces the status. Called a few times a second.
    func show(_ status: RunStatus)
    /// The run is over. `result` gives what it came to for the digest of the whole state.
    func finish(_ outcome: RunOutcome, result: (_ stateSHA256: String) -> RunResult) throws
}
