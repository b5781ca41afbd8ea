import OobleckCore

/// What the run is doing, with the state that has a meaning only while it does that.
///
/// What outlives a phase is a property of ``Coordinator``. A change of phase drops the state of the one
/// before, except for a return to a checkpoint that has begun (``restore``), which the next phase takes over
/// until training starts.
enum CoordinatorPhase: Sendable {
    /// The first nodes are waited for. A run that continues another begins with a checkpoint.
    case starting(PendingRestore?)
    /// The processes of the run are to come back: to a coordinator that started anew, or was cut off.
    case reconnecting(Reconnection)
    /// Nodes or layers are missing.
    case waitingForNodes(PendingRestore)
    /// Within one event: the last generation has ended, and the next plan is being decided.
    case deciding(PendingRestore?)
    /// A plan is on its way into force.
    case reconfiguring(PendingPlan)
    /// The plan in force takes steps, or evaluates the state.
    case training(TrainingState)
    /// The final state is on its way to the run directory.
    case collecting(LayerCollection)
    /// The last step before a stop on request is committed; its state is being saved.
    case stopping
    /// The run is over.
    case ended(RunOutcome)

    /// The phase as status and commands name it, without the finer distinctions.
    var kind: RunStatus.Phase {
        switch self {
        case .starting: .starting
        case .reconnecting: .reconnecting
        case .waitingForNodes: .waitingForNodes
        case .deciding, .reconfiguring: .reconfiguring
        case .training: .training
        case .collecting: .collecting
        case .stopping: .stopping
        case .ended(.completed): .finished
        case .ended: .stopped
        }
    }

    /// Whether workers prepare a plan, or work under one: only then groups are formed, and break.
    var isUnderPlan: Bool {
        switch self {
        case .reconfiguring, .training: true
        default: false
        }
    }

    /// The return to a checkpoint that has begun, if any.
    var restore: PendingRestore? {
        switch self {
        case .starting(let restore), .deciding(let restore): restore
        case .reconnecting(let reconnection): reconnection.restore
        case .waitingForNodes(let restore): restore
        case .reconfiguring(let pending): pending.restore
        case .training, .collecting, .stopping, .ended: nil
        }
    }
}

/// Work under the plan in force, from the moment at which all of its nodes are prepared.
struct TrainingState: Sendable {
    /// The step in flight.
    var tally: StepTally
    /// Set while the state is evaluated.
    var evaluation: EvaluationTally?
    /// A report of a broken collective that waits for proof of who died.
    var grace: FaultGrace?
    /// Workers of the plan that have started on their first step.
    var resumed: Set<WorkerID> = []
    /// How getting ready for the plan went.
    let preparation: PreparationSummary
}

/// Changes of a phase's state in place: it is taken out first, so that its tables are not copied.
///
/// Each does nothing in another phase, and cannot change the phase itself.
extension CoordinatorPhase {
    @discardableResult
    mutating func whileTraining<Result>(
        _ change: (inout TrainingState) -> Result
    ) -> Result? {
        guard case .training(var training) = self else { return nil }
        self = .deciding(nil)
        defer { self = .training(training) }
        return change(&training)
    }

    mutating func whileReconfiguring(_ change: (inout PendingPlan) -> Void) {
        guard case .reconfiguring(var pending) = self else { return }
        self = .deciding(nil)
        change(&pending)
        self = .reconfiguring(pending)
    }

    mutating func whileReconnecting(_ change: (inout Reconnection) -> Void) {
        guard case .reconnecting(var reconnection) = self else { return }
        self = .deciding(nil)
        change(&reconnection)
        self = .reconnecting(reconnection)
    }

    mutating func whileWaiting(_ change: (inout PendingRestore) -> Void) {
        guard case .waitingForNodes(var restore) = self else { return }
        self = .deciding(nil)
        change(&restore)
        self = .waitingForNodes(restore)
    }

    mutating func whileCollecting(_ change: (inout LayerCollection) -> Void) {
        guard case .collecting(var collection) = self else { return }
        self = .deciding(nil)
        change(&collection)
        self = .collecting(collection)
    }

    /// Time in which nothing could happen counts against none of the phase's waits.
    mutating func shiftDeadlines(_ shift: (inout Seconds) -> Void) {
        func shifted(_ restore: PendingRestore?) -> PendingRestore? {
            guard var restore else { return nil }
            shift(&restore.since)
            return restore
        }
        func shifted(_ grace: FaultGrace?) -> FaultGrace? {
            guard var grace else { return nil }
            shift(&grace.since)
            return grace
        }
        switch self {
        case .starting(let restore): self = .starting(shifted(restore))
        case .deciding(let restore): self = .deciding(shifted(restore))
        case .waitingForNodes: whileWaiting { shift(&$0.since) }
        case .reconnecting:
            whileReconnecting {
                if var since = $0.since {
                    shift(&since)
                    $0.since = since
                }
                $0.restore = shifted($0.restore)
            }
        case .reconfiguring:
            whileReconfiguring {
                shift(&$0.since)
                $0.grace = shifted($0.grace)
                $0.restore = shifted($0.restore)
            }
        case .training:
            whileTraining {
                shift(&$0.tally.started)
                $0.grace = shifted($0.grace)
            }
        case .collecting: whileCollecting { shift(&$0.progress) }
        case .stopping, .ended: break
        }
    }
}
