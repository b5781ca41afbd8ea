import OobleckCore

extension Coordinator {
    /// Gives a connecting agent its node's number: `requested` if it was never used before, the
    /// next one if it asks for none.
    ///
    /// Throws one line when the number is taken or was, or when the run is over.
    ///
    /// `name` is the node's own, which it keeps when it comes back; one that dies again and again
    /// is refused for a while (``Quarantine``). A number that is reserved is only for the node that this
    /// run started for it (`isOwn`).
    package mutating func admit(
        requested: NodeID?,
        name: String = "",
        isOwn: Bool = false,
        now: Seconds = .zero
    ) throws -> NodeID {
        guard outcome == nil else {
            throw OobleckError(.usage, "the run is over; start another to join with this node")
        }
        let next = nextNumber
        let node = requested ?? next
        guard node.rawValue >= 0 else {
            throw OobleckError(.usage, "node number \(node) is negative; the next free is \(next)")
        }
        if let member = members[node] {
            let what = member.isAlive ? "is taken" : "belonged to a node that is out"
            let why = "numbers are never given twice; the next free is \(next)"
            throw OobleckError(.usage, "node number \(node) \(what); \(why)")
        }
        guard isOwn || !start.reserved.contains(node) else {
            throw OobleckError(
                .usage,
                "node number \(node) is kept for a node that the run starts; the next free is \(next)"
            )
        }
        if !knownBugs.contains(.quarantineIgnored),
            let refusal = troubles.quarantine.refusal(of: name, now: now)
        {
            log(.refused(.quarantined(name: name, reason: refusal)))
            throw OobleckError(.outOfNodes, refusal)
        }
        troubles.quarantine.noteJoin(of: name, now: now)
        members[node] = CoordinatorMember(devices: devicesPerNode)
        members[node]?.name = name
        start.reserved.remove(node)
        return node
    }

    /// The first number above all that nodes have, had, or are reserved.
    private var nextNumber: NodeID {
        let highest = max(members.keys.max() ?? -1, start.reserved.max() ?? -1)
        return NodeID(highest.rawValue + 1)
    }

    /// Reserves a number for a node that is being started: it is given to no node that asks for any.
    package mutating func reserve() -> NodeID {
        let node = nextNumber
        start.reserved.insert(node)
        return node
    }

    mutating func agentJoined(_ node: NodeID, pid: Int, now: Seconds) {
        guard let known = members[node]?.agentPID, members[node]?.isAlive == true else {
            guard isWelcome(node, .agent) else { return }
            members[node]?.agentPID = pid
            members[node]?.agentHeard = now
            perform(.persist(.joined(node, agentPID: pid)))
            noteFirstSight(of: node, now: now)
            return log(.nodeJoined(node, agentPID: pid))
        }
        loseDoubled(node, .doubled(.agent, pid: pid, known: known), now: now)
    }

    mutating func workerJoined(_ worker: WorkerID, pid: Int, now: Seconds) {
        let node = worker.node
        guard let known = known(worker)?.pid, members[node]?.isAlive == true else {
            guard isWelcome(node, .worker) else { return }
            members[node]?.workers[worker.device].pid = pid
            members[node]?.workers[worker.device].heard = now
            noteFirstSight(of: node, now: now)
            return send(.job(job), to: worker)
        }
        loseDoubled(node, .doubled(.worker, pid: pid, known: known), now: now)
    }

    /// Notes that a process is not let into the run: it does not fit.
    package mutating func noteRefusal(of who: String, because misfit: Refusal.Misfit) {
        log(.refused(.misfit(who: who, misfit)))
    }

    /// An agent that the run itself started has ended.
    ///
    /// One that has joined is lost anyhow, once its session is seen to end. One that has not is never
    /// heard of otherwise: nobody has to wait for it.
    mutating func agentEnded(_ node: NodeID, evidence: String, now: Seconds) {
        guard members[node]?.agentPID == nil, members[node]?.life != .dead else { return }
        if reconnection != nil, members[node]?.isAlive == true {
            let cause = LossCause.reported(evidence: evidence)
            return lose([LostNode(id: node, cause: cause, firstSign: nil)], now: now)
        }
        members[node] = members[node] ?? CoordinatorMember(devices: devicesPerNode)
        members[node]?.life = .dead
        log(.warning(.notStarted(node, evidence: evidence)))
        guard phase.kind == .starting else { return }
        start.failure = "node \(node): \(evidence)"
        startIfPossible(isEvent: true, now: now)
    }

    mutating func noteFirstSight(of node: NodeID, now: Seconds) {
        if members[node]?.since == nil { members[node]?.since = now }
    }

    /// A node has one agent, and one worker for each device.
    ///
    /// Where a second one appears it is not known which holds the state, so neither counts.
    private mutating func loseDoubled(_ node: NodeID, _ cause: LossCause, now: Seconds) {
        lose([LostNode(id: node, cause: cause, firstSign: nil)], now: now)
    }

    /// Whether a process that connects as `node` may; if not it is fenced and its claim logged.
    private mutating func isWelcome(_ node: NodeID, _ side: SessionSide) -> Bool {
        guard members[node]?.isAlive != true else { return true }
        let wasAdmitted = members[node] != nil
        let why = wasAdmitted ? "is out" : "was never admitted"
        staleMessages += 1
        perform(.fence(node, reason: "node \(node) \(why)"))
        log(.refused(.outsider(node, side, wasAdmitted: wasAdmitted)))
        return false
    }

    mutating func ready(
        _ worker: WorkerID,
        _ digests: ReadDigests,
        _ arithmetic: Arithmetic?,
        now: Seconds
    ) {
        let node = worker.node
        guard members[node]?.life == .joining else { return }
        if let known = agreed.arithmetic, let arithmetic,
            known.fingerprint != arithmetic.fingerprint
        {
            let reason = "node \(node) \(known.refusal(of: arithmetic))"
            refuse(node, reason)
            start.failure = reason
            // It may have been the last that was waited for.
            if phase.kind == .starting { return startIfPossible(isEvent: true, now: now) }
            if isHopeless { stop(OobleckError(.outOfNodes, reason)) }
            return
        }
        if let read = agreed.read,
            let what = read.digests.difference(from: digests, read.node, node)
        {
            guard phase.kind != .starting else { return stop(OobleckError(.inputData, what)) }
            return refuse(node, what)
        }
        agreed.read = agreed.read ?? (digests, node)
        if let arithmetic, agreed.arithmetic == nil { decide(arithmetic) }
        members[node]?.workers[worker.device].isReady = true
        guard members[node]?.workers.allSatisfy(\.isReady) == true else { return }
        members[node]?.life = .usable
        log(.nodeReady(node))
        if phase.kind == .starting {
            startIfPossible(isEvent: true, now: now)
        } else {
            if !knownBugs.contains(.newcomersForgotten) { demand.joins.note(now) }
            goOnIfPossible(now: now)
        }
    }

    /// From now on all nodes have to compute so.
    private mutating func decide(_ arithmetic: Arithmetic) {
        agreed.arithmetic = arithmetic
        perform(.persist(.computing(arithmetic)))
        let generation = lastGeneration ?? 0
        perform(
            .recordArithmetic(
                RecordedArithmetic(arithmetic, step: committedSteps, generation: generation)
            )
        )
    }

    /// Puts a node out that did nothing for the run yet.
    private mutating func refuse(_ node: NodeID, _ reason: String) {
        members[node]?.life = .dead
        members[node]?.ending = .refused
        perform(.persist(.left(node, hasFailed: false, as: .refused)))
        perform(.fence(node, reason: reason))
        log(.refused(.differs(node, reason: reason)))
    }

    mutating func drain(_ node: NodeID) {
        guard let member = members[node], member.isAlive, !member.isDraining else {
            return log(.refused(.drain(node, .unknownNode)))
        }
        if case .collecting = phase { return log(.refused(.drain(node, .collecting))) }
        if case .stopping = phase { return log(.refused(.drain(node, .ending))) }
        guard !isInvolved(node) else {
            members[node]?.isDraining = true
            perform(.persist(.draining(node, true)))
            demand.isWanted = true
            return log(.warning(.leavesAtBoundary(node)))
        }
        release(node)
    }

    /// Lets a node go that the run does not need any more.
    mutating func release(_ node: NodeID) {
        guard let member = members[node] else { return }
        members[node]?.life = .gone
        let reason = "node \(node) is drained"
        members[node]?.ending = .drained
        perform(.persist(.left(node, hasFailed: false, as: .drained)))
        members[node]?.forget()
        giveUpSave(of: node)
        if member.hasWorker {
            for worker in connectedWorkers(of: node) { send(.stop(reason: reason), to: worker) }
            perform(.dismiss(node, reason: reason))
        } else {
            perform(.fence(node, reason: reason))
        }
        log(.nodeDrained(node))
    }

    /// Whether what the run is doing now needs the node.
    func isInvolved(_ node: NodeID) -> Bool {
        if let pending { return pending.plan.recipients.contains { $0.node == node } }
        return plan?.nodes.contains(node) == true
    }

    /// Nodes that can be planned for, in ascending order.
    var usableNodes: [NodeID] {
        members.filter { $0.value.life == .usable }.keys.sorted()
    }
}
