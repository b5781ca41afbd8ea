import OobleckClock
import OobleckCoordination
import OobleckCore

/// What the decisions ask for, done one after the other.
extension CoordinatorLoop {
    /// Performs what is decided, up to a write that fails.
    func performWork(_ state: inout State) {
        while state.outcome == nil, let directive = state.work.next(now: MonotonicTime.now) {
            state.faults.reachBefore(directive)
            do {
                try perform(directive, &state)
            } catch let error as OobleckError where error.code == .storage {
                return waitForStorage(error, &state)
            } catch let error as OobleckError {
                state.fault = state.fault ?? error
                if !store.mayAct { return stepDown(&state) }
            } catch {
                let fault = OobleckError(.internalFault, "cannot record the run: \(error)")
                state.fault = state.fault ?? fault
            }
            state.work.notePerformed()
            state.faults.reachAfter(directive) { node in state.workers[node]?.waitUntilWritten() }
        }
    }

    private func perform(_ directive: CoordinatorDirective, _ state: inout State) throws {
        switch directive {
        case .persist(let change): try writing(state) { try store.persist(change) }
        case .send(let node, let message): send(message, to: node, &state)
        case .fence(let node, let reason): fence(node, reason: reason, &state)
        case .dismiss(let node, let reason): _ = state.agents[node]?.add(.stop(reason: reason))
        case .record(let step): try writing(state) { try recording.record(step) }
        case .log(let event): recording.log(event)
        case .publish(let plan): recording.publish(plan)
        case .recovered(let record): recording.recovered(record)
        case .store(let chunk): try writing(state) { try recording.store(chunk) }
        case .checkpoint(let action):
            recording.perform(action) { [weak self] in self?.submit(.checkpoint($0)) }
        case .restored(let restored): try writing(state) { try recording.record(restored) }
        case .recordArithmetic(let recorded): try writing(state) { try recording.record(recorded) }
        case .closeSessions: closeSessions(&state)
        case .conclude(let outcome): try conclude(outcome, &state)
        case .finish(let outcome): finish(outcome, &state)
        }
    }

    /// A write that takes long holds up our decisions, but no sign of life to the nodes.
    private func writing(_ state: State, _ body: () throws -> Void) throws {
        let coordinator = state.coordinator
        pulse.beginWriting(
            coordinator.event(.storageTrouble, "storage does not answer: the run waits for a write")
        )
        defer {
            if let time = pulse.endWriting() {
                let what = "storage answered after \(Self.tenths(time)) s"
                recording.log(coordinator.event(.storageRestored, what))
            }
        }
        try body()
    }

    static func tenths(_ time: Seconds) -> Double { (time.value * 10).rounded() / 10 }

    private func send(_ message: CoordinatorMessage, to node: NodeID, _ state: inout State) {
        guard let outbox = state.workers[node] else { return }
        // Nothing may follow from a step that makes no sense: no commit, and no plan after it.
        if state.fault != nil {
            guard case .stop = message else { return }
        }
        if !outbox.add(.message(message)) { state.overflowed.append(node) }
    }

    private func fence(_ node: NodeID, reason: String, _ state: inout State) {
        state.fenced.insert(node)
        if let worker = state.workers.removeValue(forKey: node) {
            _ = worker.add(.refused(reason: reason))
            worker.close()
        }
        if let agent = state.agents.removeValue(forKey: node) {
            _ = agent.add(.fence(reason: reason))
            agent.close()
        }
        onFence(node)
    }

    private func conclude(_ outcome: RunOutcome, _ state: inout State) throws {
        let outcome = state.fault.map { RunOutcome.stopped($0) } ?? outcome
        let coordinator = state.coordinator
        recording.show(coordinator.status(now: MonotonicTime.now))
        do {
            try writing(state) {
                try recording.finish(outcome) { coordinator.result(stateSHA256: $0) }
            }
        } catch let error as OobleckError where error.code != .storage {
            // Not what its holders said: nothing else than this may be told of how the run ended.
            state.fault = state.fault ?? error
        }
        // Before anyone is told to leave: a standby would find no node any more.
        let kept = state.fault.map { RunOutcome.stopped($0) } ?? outcome
        try writing(state) { try store.conclude("\(kept)") }
    }

    private func finish(_ outcome: RunOutcome, _ state: inout State) {
        let outcome = state.fault.map { RunOutcome.stopped($0) } ?? outcome
        for outbox in state.agents.values { _ = outbox.add(.stop(reason: "the run is over")) }
        end(outcome, &state)
    }

    /// Closes all sessions; their ends are no events.
    private func closeSessions(_ state: inout State) {
        closeOutboxes(state)
        (state.workers, state.agents) = ([:], [:])
    }

    /// What is in them is still sent.
    private func closeOutboxes(_ state: State) {
        for outbox in state.workers.values { outbox.close() }
        for outbox in state.agents.values { outbox.close() }
    }

    /// Another coordinator has taken over: nothing is sent or written any more.
    func stepDown(_ state: inout State) { end(.stopped(.deposed), &state) }

    /// Ends this coordinator's part: what is in the outboxes is still sent.
    func end(_ outcome: RunOutcome, _ state: inout State) {
        state.outcome = outcome
        closeOutboxes(state)
        outcomesContinuation.yield(outcome)
        outcomesContinuation.finish()
        release(&state)
    }
}
