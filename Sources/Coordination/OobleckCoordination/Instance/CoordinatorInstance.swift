import OobleckCore

/// The coordinator with its sessions and its storage: all of the protocol on this side, as a value.
///
/// A shell tells it what happens (``handle(_:mayAct:now:)``), performs what ``next(now:)`` names, one
/// directive after the other, and says what came of each (``completed(_:mayAct:now:)``). It keeps only
/// clocks, streams and files. The control plane, the simulated worlds and the tests are shells over
/// this one value.
///
/// One input is decided on at a time: the next one when all directives of the one before are performed.
/// Where one cannot be kept, all that follows waits for storage (``DirectiveQueue``).
package struct CoordinatorInstance: Sendable {
    package internal(set) var coordinator: Coordinator
    /// Agents that may be in the run at a time.
    let mostAgents: Int
    let handshake: Handshake

    var agents: [NodeID: SessionID] = [:]
    var workers: [WorkerID: SessionID] = [:]
    /// The worker of each session that was let in and has not ended; an agent's has the first device.
    var peers: [SessionID: WorkerID] = [:]
    /// Nodes that are out for good.
    var fenced: Set<NodeID> = []

    /// What is decided and not yet performed.
    var work = DirectiveQueue()
    /// What can be performed although storage fails; before all else.
    var urgent: [Directive] = []
    /// What was said and is not yet decided on, in order.
    var inbox: [Input] = []
    /// Nodes whose workers let too many messages wait.
    var overflowed: [NodeID] = []
    /// Workers whose sessions ended, and when that counts at the latest.
    var departures: [(worker: WorkerID, due: Seconds)] = []
    /// What was to be recorded, and makes no sense: the run ends.
    var fault: (error: OobleckError, isTold: Bool)?
    /// How the run, or the part of this process in it, ends; nothing else is decided any more.
    var ending: RunOutcome?
    /// Set once the end is performed.
    package internal(set) var outcome: RunOutcome?
    /// Whether a plan was decided on since ``noteTime(ofDecision:)`` was last called.
    var hasPlanned = false

    /// Whether what is decided on is noted, for a shell that watches (``takeDecisions()``).
    package var recordsDecisions = false
    private var decisions: [CoordinatorEvent] = []

    package init(_ coordinator: Coordinator, mostAgents: Int = .max) {
        self.coordinator = coordinator
        self.mostAgents = mostAgents
        handshake = Handshake(
            nodes: coordinator.expectedNodes,
            devicesPerNode: coordinator.devicesPerNode
        )
    }

    // MARK: What a shell calls

    /// Takes what has happened.
    ///
    /// - Parameters:
    ///   - input: What has happened.
    ///   - mayAct: Whether this coordinator leads the run, as its store knows. One that leads no more
    ///     says nothing more to any node: the nodes are another's.
    ///   - now: The shell's time.
    package mutating func handle(_ input: Input, mayAct: Bool = true, now: Seconds) {
        guard !mustStepDown(mayAct) else {
            stepDown()
            return turnAway(input)
        }
        if work.isWaiting, outcome == nil, let reason = input.requestedEnd {
            return abandon(reason)
        }
        guard ending == nil else { return turnAway(input) }
        if work.isWaiting {
            hold(input)
        } else {
            inbox.append(input)
            settle(now: now)
        }
    }

    /// Whether the lead was lost, and this process does not know it yet.
    ///
    /// An end that is decided on and not performed yet is another's decision now.
    private func mustStepDown(_ mayAct: Bool) -> Bool {
        let mayAct = mayAct || coordinator.knownBugs.contains(.deposedSpeaks)
        return !mayAct && outcome == nil && ending != .stopped(.deposed)
    }

    /// What to perform now; `nil` when all is performed, or while storage is given time.
    package mutating func next(now: Seconds) -> Directive? {
        if let directive = urgent.first { return directive }
        while let directive = work.next(now: now) {
            if let directive = withFault(directive) { return directive }
            work.notePerformed()
        }
        return nil
    }

    /// What ``next(now:)`` named was performed, or could not be.
    package mutating func completed(
        _ result: DirectiveResult = .done,
        mayAct: Bool = true,
        now: Seconds
    ) {
        if !urgent.isEmpty {
            urgent.removeFirst()
            return settle(now: now)
        }
        guard let directive = work.next(now: now) else { return }
        switch result {
        case .done: break
        case .overflow:
            if case .worker(let session, _) = directive, let node = peers[session]?.node,
                !coordinator.knownBugs.contains(.overflowIgnored)
            {
                overflowed.append(node)
            }
        case .failed(let error):
            if case .abandoned = ending {
                // As if this process had died: nothing of it is waited for.
            } else if error.code == .storage {
                return waitForStorage(error, now: now)
            } else {
                if fault == nil { fault = (error, false) }
                if !mayAct { return stepDown() }
            }
        }
        work.notePerformed()
        if case .finish(let outcome) = directive { self.outcome = withFault(outcome) }
        // The write itself may have taken longer than the lead lasted.
        guard !mustStepDown(mayAct) else { return stepDown() }
        settle(now: now)
    }

    /// How long the last call took, as the shell measured it: a recovery names the time that its plan
    /// took to decide on.
    package mutating func noteTime(ofDecision time: Seconds) {
        guard hasPlanned else { return }
        hasPlanned = false
        coordinator.noteDecision(took: time)
    }

    /// The events that were decided on since the last call, in order, if they are noted.
    package mutating func takeDecisions() -> [CoordinatorEvent] {
        defer { decisions = [] }
        return decisions
    }

    /// Reserves the next number for a node that is about to be started.
    package mutating func reserve() -> NodeID { coordinator.reserve() }

    /// The shell killed the node's processes at this time.
    package mutating func noteKill(_ node: NodeID, at time: Seconds) {
        coordinator.noteKill(node, at: time)
    }

    // MARK: Decisions

    /// Decides on what waits, once all that was decided before is performed.
    mutating func settle(now: Seconds) {
        while ending == nil, urgent.isEmpty, work.isEmpty {
            if let wait = work.endWait() {
                noteStorage(worksAfter: now - wait.since, now: now)
            } else if let node = overflowed.popLast() {
                let evidence =
                    "node \(node) does not take its messages: \(Self.mostMessages) wait"
                decide(.nodeLost(node, evidence: evidence), now: now)
            } else if let fault, !fault.isTold {
                self.fault?.isTold = true
                decide(.endRequested(reason: fault.error.message), now: now)
            } else if let due = departures.firstIndex(where: { $0.due <= now }) {
                decide(.sessionEnded(departures.remove(at: due).worker, .worker), now: now)
            } else if !inbox.isEmpty {
                take(inbox.removeFirst(), now: now)
            } else {
                return
            }
        }
    }

    mutating func decide(_ event: CoordinatorEvent, now: Seconds) {
        if recordsDecisions { decisions.append(event) }
        for directive in coordinator.handle(event, now: now) { add(directive) }
    }
}
