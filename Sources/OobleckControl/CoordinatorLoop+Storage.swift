import OobleckClock
import OobleckCoordination
import OobleckCore

/// What happens while something that must be kept cannot be written.
extension CoordinatorLoop {
    /// The directive at hand could not be kept: it is tried again, and all that follows waits.
    func waitForStorage(_ failure: OobleckError, _ state: inout State) {
        recording.makeRoom(after: failure)
        guard state.work.noteFailure(failure, now: MonotonicTime.now) else { return }
        let advice = StorageAdvice.advice(for: failure.message).map { "; \($0)" } ?? ""
        let what = "storage fails, the run waits: \(failure.message)\(advice)"
        recording.log(state.coordinator.event(.storageTrouble, what))
    }

    /// Takes an event while storage fails.
    func wait(for event: CoordinatorEvent, _ state: inout State) {
        switch event {
        case .stopRequested(let reason), .endRequested(let reason): return abandon(reason, &state)
        default: break
        }
        state.work.hold(event)
        performWork(&state)
        guard state.outcome == nil, let ended = state.work.endWait() else { return }
        let waited = MonotonicTime.now - ended.since
        let what = "storage works again after \(Self.tenths(waited)) s; the run goes on"
        recording.log(state.coordinator.event(.storageRestored, what))
        decide(.storageRestored(after: waited), &state)
        for event in ended.events { process(event, &state) }
        if !state.work.isWaiting { release(&state) }
    }

    /// Obeys a request to stop, at once.
    ///
    /// As nothing can be kept, this process ends as if it had died: the nodes hold the run's state,
    /// and wait for a coordinator that goes on.
    private func abandon(_ reason: String, _ state: inout State) {
        let trouble = state.work.wait.map { ": \($0.failure.message)" } ?? ""
        let error = OobleckError(
            .outOfNodes,
            "stopped on request (\(reason)) while the run waited for storage\(trouble); the nodes "
                + "keep its state for a while, so that it can be resumed"
        )
        recording.log(state.coordinator.event(.stopped, error.message))
        let outcome = RunOutcome.abandoned(error)
        let coordinator = state.coordinator
        // Nothing of this is waited for.
        do { try recording.finish(outcome) { coordinator.result(stateSHA256: $0) } } catch {}
        end(outcome, &state)
    }

    /// Returns once events can be decided on.
    ///
    /// A session that waits here takes no other message from its peer, so that what comes in while
    /// storage fails is bounded.
    func storageBack() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.state.withLock { state in
                    guard state.work.isWaiting, state.outcome == nil else {
                        return continuation.resume()
                    }
                    state.held.append { continuation.resume() }
                }
            }
        }
    }

    /// Whether storage fails now.
    func waitsForStorage() async -> Bool {
        await perform { $0.work.isWaiting && $0.outcome == nil }
    }

    /// Does something once all that is decided is kept.
    func whenKept(_ state: inout State, _ body: @escaping @Sendable () -> Void) {
        guard state.work.isWaiting else { return body() }
        state.held.append(body)
    }

    /// Lets the sessions go on.
    func release(_ state: inout State) {
        let held = state.held
        state.held = []
        for body in held { body() }
    }

    /// The run as of now; while storage fails, no step counts that is not in the ledger.
    func status(_ state: State, now: Seconds) -> RunStatus {
        var status = state.coordinator.status(now: now)
        guard let wait = state.work.wait else { return status }
        status.phase = .waitingForStorage
        status.storageTrouble = wait.phrase(now: now)
        let isRecorded = !state.work.contains {
            if case .record = $0 { true } else { false }
        }
        if !isRecorded { status.step -= 1 }
        return status
    }
}
