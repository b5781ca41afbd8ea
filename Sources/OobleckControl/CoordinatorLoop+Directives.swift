import OobleckClock
import OobleckCoordination
import OobleckCore

/// What the decisions ask for, done one after the other.
extension CoordinatorLoop {
    func perform(_ directive: CoordinatorDirective, _ state: inout State) {
        guard state.outcome == nil else { return }
        state.faults.reachBefore(directive)
        carryOut(directive, &state)
        state.faults.reachAfter(directive) { node in state.workers[node]?.waitUntilWritten() }
    }

    private func carryOut(_ directive: CoordinatorDirective, _ state: inout State) {
        switch directive {
        case .persist(let change):
            attempt(&state) { _ in try store.persist(change) }
            if state.recordingFailure != nil, !store.mayAct { stepDown(&state) }
        case .send(let node, let message): send(message, to: node, &state)
        case .fence(let node, let reason): fence(node, reason: reason, &state)
        case .dismiss(let node, let reason): _ = state.agents[node]?.add(.stop(reason: reason))
        case .record(let step): attempt(&state) { _ in try recording.record(step) }
        case .log(let event): attempt(&state) { _ in try recording.log(event) }
        case .publish(let plan): attempt(&state) { _ in try recording.publish(plan) }
        case .recovered(let record): attempt(&state) { _ in try recording.recovered(record) }
        case .store(let chunk): attempt(&state) { _ in try recording.store(chunk) }
        case .checkpoint(let action):
            recording.perform(action) { [weak self] in self?.submit(.checkpoint($0)) }
        case .restored(let restored): attempt(&state) { _ in try recording.record(restored) }
        case .conclude(let outcome): conclude(outcome, &state)
        case .finish(let outcome): finish(outcome, &state)
        }
    }

    private func send(_ message: CoordinatorMessage, to node: NodeID, _ state: inout State) {
        guard let outbox = state.workers[node] else { return }
        // Nothing may follow from a step that is not in the ledger: no commit, and no plan after it.
        if state.recordingFailure != nil {
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

    func attempt(_ state: inout State, _ body: (inout State) throws -> Void) {
        do {
            try body(&state)
        } catch let error as OobleckError {
            state.recordingFailure = state.recordingFailure ?? error
        } catch {
            let failure = OobleckError(.storage, "cannot record the run: \(error)")
            state.recordingFailure = state.recordingFailure ?? failure
        }
    }

    private func conclude(_ outcome: RunOutcome, _ state: inout State) {
        let outcome = state.recordingFailure.map { RunOutcome.stopped($0) } ?? outcome
        attempt(&state) { state in
            let coordinator = state.coordinator
            try recording.show(coordinator.status(now: MonotonicTime.now))
            try recording.finish(outcome) { coordinator.result(stateSHA256: $0) }
        }
    }

    private func finish(_ outcome: RunOutcome, _ state: inout State) {
        let outcome = state.recordingFailure.map { RunOutcome.stopped($0) } ?? outcome
        state.outcome = outcome
        for outbox in state.workers.values { outbox.close() }
        for outbox in state.agents.values {
            _ = outbox.add(.stop(reason: "the run is over"))
            outbox.close()
        }
        outcomesContinuation.yield(outcome)
        outcomesContinuation.finish()
    }

    /// Another coordinator has taken over: nothing is sent or written any more.
    func stepDown(_ state: inout State) {
        let outcome = RunOutcome.stopped(.deposed)
        state.outcome = outcome
        for outbox in state.workers.values { outbox.close() }
        for outbox in state.agents.values { outbox.close() }
        outcomesContinuation.yield(outcome)
        outcomesContinuation.finish()
    }
}
