import OobleckCoordination
import OobleckCore

/// Where a run leaves its traces.
///
/// Called from one thread at a time, in the order of the decisions.
///
/// What throws ends the run with that error.
package protocol RunRecording: Sendable {
    /// Appends to the ledger.
    func record(_ step: CommittedStep) throws
    /// Appends to the event log.
    func log(_ event: RunEvent) throws
    /// Replaces the plan.
    func publish(_ plan: PlanDocument) throws
    /// Notes how a failure was survived.
    func recovered(_ recovery: RecoveryRecord) throws
    /// Stores a piece of the final state.
    func store(_ chunk: LayerChunk) throws
    /// Appends to the ledger that the run went back to a checkpoint.
    func record(_ restored: RestoredRun) throws
    /// Has the checkpoint store do something, returns at once, and reports what came of it later,
    /// from any thread.
    func perform(
        _ action: CheckpointAction,
        report: @escaping @Sendable (CheckpointOutcome) -> Void
    )
    /// Replaces the status. Called a few times a second.
    func show(_ status: RunStatus) throws
    /// The run is over. `result` gives what it came to for the digest of the whole state.
    func finish(_ outcome: RunOutcome, result: (_ stateSHA256: String) -> RunResult) throws
}
