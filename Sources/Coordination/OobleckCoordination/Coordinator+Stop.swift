import OobleckCore

/// A request to end the run in order: after the step in flight, with its state saved.
struct StopRequest: Sendable {
    /// Who asked, or why.
    let reason: String
    var since: Seconds
    /// When the step boundary was reached; `nil` before.
    var boundary: Seconds?
    /// Saves of the boundary's state that were ordered.
    var attempts = 0
    /// What was wrong with the newest of them.
    var failure: String?
}

/// Ends the run when someone asks for it.
///
/// The first request waits for the step in flight to be committed, or the evaluation in flight to be
/// complete, then has the state saved, then ends the run. Every part is bounded: the step by
/// ``Deadlines/stop``, the save by ``Deadlines/save(of:)``. A run that cannot commit a step (it starts,
/// or waits for nodes) ends at once; one whose last step is committed already ends as it would have
/// without the request. The second request ends the run at once, whatever is unsaved.
extension Coordinator {
    /// Failed saves of the boundary's state after which the run ends without one; those that failed
    /// because a writer was lost do not count.
    private static let mostAttempts = 2

    /// Whether someone has asked that the run ends.
    package var isStopRequested: Bool { stopping != nil }

    mutating func requestStop(_ reason: String, now: Seconds) {
        guard stopping == nil else { return endStopped("it was asked to twice") }
        stopping = StopRequest(reason: reason, since: now)
        guard committedSteps > 0 || phase.kind == .training else { return endStopped(nil) }
        if case .waitingForNodes(let restore) = phase { return endStopped(restore.reason) }
        log(.stopping(reason: reason, end: ending))
    }

    /// When a run that was asked to stop ends.
    private var ending: StopEnd {
        if phase.kind == .collecting || committedSteps >= job.training.steps {
            return .finalState
        }
        guard isEvaluating, committedSteps > 0 else { return .step(committedSteps + 1) }
        return .evaluation(ofStep: committedSteps)
    }

    /// Ends the run without waiting for anything.
    mutating func endNow(_ reason: String) {
        stopping = stopping ?? StopRequest(reason: reason, since: attendance.lastTick ?? .zero)
        endStopped("it had to end at once")
    }

    /// The step before which the run stops is committed; all workers wait.
    mutating func reachBoundary(now: Seconds) {
        stopping?.boundary = now
        phase = .stopping
    }

    /// At the boundary: has the state saved and ends the run when it is, or cannot be.
    ///
    /// Called after every event, whatever it was.
    mutating func settleStop() {
        guard case .stopping = phase, isolation == nil, let plan, let stopping else { return }
        guard checkpoints.savedStep != committedSteps else { return endStopped(nil) }
        guard checkpoints.save == nil else { return }
        guard job.checkpoint != nil else { return endStopped("the job saves no checkpoints") }
        let isHeld = profile.layers.indices.allSatisfy { layer in
            plan.layersByWorker.contains {
                members[$0.key.node]?.life == .usable && $0.value.contains(layer)
            }
        }
        guard isHeld else { return endStopped("nodes were lost before it could be") }
        guard stopping.attempts < Self.mostAttempts || checkpoints.isOverdue else {
            return endStopped(stopping.failure ?? "the save failed")
        }
        self.stopping?.attempts += checkpoints.isOverdue ? 0 : 1
        orderSave(under: plan, now: stopping.boundary ?? stopping.since)
    }

    /// Bounds the wait for the step boundary, and for the save.
    mutating func checkStop(now: Seconds) {
        guard let stopping, phase.kind != .collecting else { return }
        guard let boundary = stopping.boundary else {
            guard now - stopping.since > deadlines.stop else { return }
            return endStopped("no step was committed within \(Self.tenths(deadlines.stop)) s")
        }
        let limit = deadlines.save(of: stateBytes)
        guard now - boundary > limit else { return }
        let failure = stopping.failure.map { ": \($0)" } ?? ""
        endStopped("not on disk within \(Self.tenths(limit)) s\(failure)")
    }

    /// Ends the run, and says what is saved and what is not.
    mutating func endStopped(_ whyUnsaved: String?) {
        guard let stopping else { return }
        let what = "stopped on request (\(stopping.reason))"
        guard committedSteps > 0 else {
            return stop(OobleckError(.outOfNodes, "\(what) before the first step was committed"))
        }
        let place = "\(what) at step \(committedSteps) of \(job.training.steps)"
        guard checkpoints.savedStep != committedSteps else {
            return stop(OobleckError(.outOfNodes, "\(place); its state is saved"))
        }
        let newest =
            checkpoints.savedStep.map { "the newest checkpoint is of step \($0)" }
            ?? "there is no checkpoint"
        let reason = whyUnsaved.map { ": \($0)" } ?? ""
        stop(OobleckError(.outOfNodes, "\(place); not saved\(reason); \(newest)"))
    }

    // MARK: Saving on request

    /// Has the state saved at the next step boundary, whatever the rhythm says.
    mutating func requestSave() {
        guard job.checkpoint != nil else { return log(.checkpointRequested(.jobSavesNone)) }
        checkpoints.isRequested = true
        log(.checkpointRequested(.noted))
    }
}
