import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// What the instance asks for, done one after the other.
extension CoordinatorLoop {
    /// Performs what is decided, up to a write that fails.
    func performDirectives(_ state: inout State) {
        while let directive = state.instance.next(now: MonotonicTime.now) {
            state.faults.reachBefore(directive)
            let result = result(of: directive, &state)
            if case .done = result {
                state.faults.reachAfter(directive) { state.streams[$0]?.waitUntilWritten() }
            }
            let start = MonotonicTime.now
            state.instance.completed(result, mayAct: store.mayAct, now: start)
            state.instance.noteTime(ofDecision: MonotonicTime.now - start)
        }
    }

    private func result(
        of directive: CoordinatorInstance.Directive,
        _ state: inout State
    ) -> CoordinatorInstance.DirectiveResult {
        do {
            return try perform(directive, &state) ? .done : .overflow
        } catch let error as OobleckError {
            if error.code == .storage { recording.makeRoom(after: error) }
            return .failed(error)
        } catch {
            return .failed(OobleckError(.internalFault, "cannot record the run: \(error)"))
        }
    }

    /// False when it is a message for a peer that lets too many wait.
    private func perform(
        _ directive: CoordinatorInstance.Directive,
        _ state: inout State
    ) throws -> Bool {
        switch directive {
        case .agent(let session, let instruction):
            guard case .agent(let outbox) = state.streams[session] else { break }
            return outbox.add(instruction)
        case .worker(let session, let instruction):
            guard case .worker(let outbox) = state.streams[session] else { break }
            return outbox.add(instruction)
        case .close(let session): state.streams[session]?.close()
        case .drop(let session, let error): state.streams[session]?.close(because: error)
        case .fence(let node): onFence(node)
        case .wake(let time):
            let deadline = DispatchTime.now() + max(0, (time - MonotonicTime.now).value)
            queue.asyncAfter(deadline: deadline) { self.state.withLock { self.handle(.wake, &$0) } }
        case .log(let event): log(event)
        case .publish(let plan): recording.publish(plan)
        case .recovered(let record): recording.recovered(record)
        case .measured(let step): recording.measured(step)
        case .checkpoint(let action):
            recording.perform(action) { [weak self] in self?.submit(.checkpoint($0)) }
        case .finish(let outcome): finish(outcome)
        case .persist, .record, .store, .restored, .recordArithmetic, .recordEvaluation, .write,
            .conclude:
            try writing(state.instance.coordinator) { try keep(directive, state.instance) }
        }
        return true
    }

    /// Writes what has to be kept.
    private func keep(
        _ directive: CoordinatorInstance.Directive,
        _ instance: CoordinatorInstance
    ) throws {
        switch directive {
        case .persist(let change): try store.persist(change)
        case .record(let step): try recording.record(step)
        case .store(let chunk): try recording.store(chunk)
        case .restored(let restored): try recording.record(restored)
        case .recordArithmetic(let recorded): try recording.record(recorded)
        case .recordEvaluation(let recorded): try recording.record(recorded)
        case .write(let outcome):
            show(instance.status(now: MonotonicTime.now))
            try recording.finish(outcome) { instance.coordinator.result(stateSHA256: $0) }
        case .conclude(let outcome): try store.conclude("\(outcome)")
        default: preconditionFailure("\(directive) is nothing to keep")
        }
    }

    /// A write that takes long holds up our decisions, but no sign of life to the nodes.
    private func writing(_ coordinator: Coordinator, _ body: () throws -> Void) throws {
        pulse.beginWriting(coordinator.event(.storageTrouble(.silent)))
        defer {
            if let time = pulse.endWriting() {
                let restored = RunEvent.Content.storageRestored(after: time, wasSlow: true)
                log(coordinator.event(restored))
            }
        }
        try body()
    }

    private func finish(_ outcome: RunOutcome) {
        watchers.finish()
        outcomesContinuation.yield(outcome)
        outcomesContinuation.finish()
    }
}
