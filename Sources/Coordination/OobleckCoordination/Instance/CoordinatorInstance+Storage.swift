import OobleckCore

/// What happens while something that must be kept cannot be written, and after the end.
extension CoordinatorInstance {
    /// The directive at hand could not be kept: it is tried again, and all that follows waits.
    mutating func waitForStorage(_ failure: OobleckError, now: Seconds) {
        guard work.noteFailure(failure, now: now) else { return }
        let trouble = StorageTrouble.failing(
            reason: failure.message,
            advice: StorageAdvice.advice(for: failure.message)
        )
        urgent.append(.log(coordinator.event(.storageTrouble(trouble))))
    }

    /// Keeps what comes in while storage fails.
    ///
    /// Bounded: a shell reads nothing more from a session that something is held of
    /// (``holds(_:)``), and a request or a sign of life counts once.
    mutating func hold(_ input: Input) {
        switch input {
        // Time that passes while nothing can be done counts against no node.
        case .event(.tick), .wake: break
        case .event(.drainRequested), .event(.saveRequested), .agent(_, .heartbeat),
            .worker(_, .heartbeat):
            if !inbox.contains(input) { inbox.append(input) }
        default: inbox.append(input)
        }
    }

    /// Whether storage fails: nothing else is decided meanwhile.
    package var isWaiting: Bool { work.isWaiting }

    /// Whether something that came over this session waits for storage.
    package func holds(_ session: SessionID) -> Bool {
        work.isWaiting && inbox.contains { $0.session == session && !$0.isHeartbeat }
    }

    mutating func noteStorage(worksAfter waited: Seconds, now: Seconds) {
        urgent.append(.log(coordinator.event(.storageRestored(after: waited, wasSlow: false))))
        decide(.storageRestored(after: waited), now: now)
    }

    /// Obeys a request to stop, at once.
    ///
    /// As nothing can be kept, this process ends as if it had died: the nodes hold the run's state,
    /// and wait for a coordinator that goes on.
    mutating func abandon(_ reason: String) {
        let trouble = work.wait.map { ": \($0.failure.message)" } ?? ""
        let error = OobleckError(
            .outOfNodes,
            "stopped on request (\(reason)) while the run waited for storage\(trouble); the nodes "
                + "keep its state for a while, so that it can be resumed"
        )
        (work, urgent, inbox) = (DirectiveQueue(), [], [])
        work.add(.log(coordinator.event(.stopped(reason: error.message))))
        work.add(.write(.abandoned(error)))
        end(.abandoned(error))
    }

    /// What comes after the end was decided: whoever comes is turned away.
    ///
    /// A refusal ends a node for good. Where the nodes are left to another coordinator their streams
    /// just end, and they look for it.
    mutating func turnAway(_ input: Input) {
        switch input {
        case .hello(let session, let side, _, _):
            guard let error = ending?.leavesNodes else {
                return refuse(session, side, Self.unheard("the run is over"))
            }
            work.add(.drop(session, error))
        case .ended(let session):
            guard let peer = peers.removeValue(forKey: session) else { return }
            if agents[peer.node] == session { agents[peer.node] = nil }
            if workers[peer] == session { workers[peer] = nil }
        default: break
        }
    }

    // MARK: What is told

    /// The node of a session that was let in and has not ended.
    package func node(of session: SessionID) -> NodeID? { peers[session]?.node }

    /// The run as of now; while storage fails, no step counts that is not in the ledger.
    package func status(now: Seconds) -> RunStatus {
        var status = coordinator.status(now: now)
        guard let wait = work.wait, ending == nil else { return status }
        status.phase = .waitingForStorage
        status.storageTrouble = wait.phrase(now: now)
        let isRecorded = !work.contains { if case .record = $0 { true } else { false } }
        if !isRecorded { status.step -= 1 }
        return status
    }
}

extension RunOutcome {
    /// Why the nodes are left to another coordinator, if they are.
    fileprivate var leavesNodes: OobleckError? {
        switch self {
        case .abandoned(let error): error
        case .stopped(let error): error == .deposed ? error : nil
        case .completed: nil
        }
    }
}
