import OobleckCore

/// A node found dead.
struct LostNode: Sendable {
    var id: NodeID
    var cause: LossCause
    /// The first sign, when the evidence is silence.
    var firstSign: Seconds?

    var evidence: String { cause.evidence }
}

extension Coordinator {
    /// Takes nodes for dead: fences them and, if the plan needs any of them, ends its generation
    /// and decides the next plan at once.
    ///
    /// Nodes that are out already are passed over.
    mutating func lose(_ nodes: [LostNode], now: Seconds) {
        let living = nodes.filter { members[$0.id]?.isAlive == true }
        let involved = living.filter { isInvolved($0.id) }
        for node in living { bury(node, now: now) }
        guard reconnection == nil else {
            for node in involved { noteLoss(of: node, now: now) }
            return finishReconnectingIfComplete(now: now)
        }
        guard !involved.isEmpty, outcome == nil else {
            guard phase.kind == .starting, let last = living.last else { return }
            start.failure = "node \(last.id): \(last.evidence)"
            return startIfPossible(isEvent: true, now: now)
        }
        if case .collecting = phase { return collectAgain(now: now) }
        // Nothing is trained any more: what is left is to save what the others hold.
        if case .stopping = phase { return }
        for node in involved { noteLoss(of: node, now: now) }
        if case .waitingForNodes = phase { return goOnIfPossible(now: now) }
        troubles.retries = (committedSteps, 0)
        let names = involved.map { "\($0.id)" }.joined(separator: ", ")
        abort(reason: "lost \(involved.count == 1 ? "node" : "nodes") \(names)")
        reconfigure(now: now)
    }

    private mutating func bury(_ node: LostNode, now: Seconds) {
        let hasFailed = members[node.id]?.life == .usable || isInvolved(node.id)
        if hasFailed { account.failures += 1 }
        perform(.persist(.left(node.id, hasFailed: hasFailed, as: .dead)))
        members[node.id]?.life = .dead
        troubles.quarantine.noteDeath(of: members[node.id]?.name ?? "", now: now)
        members[node.id]?.forget()
        members[node.id]?.isSuspect = false
        giveUpSave(of: node.id)
        perform(.fence(node.id, reason: node.evidence))
        log(.nodeLost(node.id, node.cause))
    }

    /// Tells everyone who got the newest plan that its generation is over.
    mutating func abort(reason: String) {
        guard let ended = newestPlan else { return }
        for worker in ended.recipients where members[worker.node]?.isAlive == true {
            send(.abort(generation: ended.generation, reason: reason), to: worker)
        }
        phase = .deciding(phase.restore)
        log(.aborted(ended.generation, reason: reason))
    }

    /// Finds nodes that are silent, or not ready in time.
    mutating func checkSilence(now: Seconds) {
        forgiveOwnAbsence(now: now)
        guard isolation == nil else { return checkIsolation(now: now) }
        let deadlines = deadlines
        var lost: [LostNode] = []
        var isSilent = false
        var unheard = 0
        for node in members.keys.sorted() {
            guard let member = members[node], member.isAlive else { continue }
            let since = member.since ?? now
            members[node]?.since = since
            if member.life == .joining, now - since > deadlines.join {
                let cause = LossCause.notReady(within: deadlines.join)
                lost.append(LostNode(id: node, cause: cause, firstSign: since))
                continue
            }
            guard let quietest = member.quietest else { continue }
            let silence = now - quietest.heard
            if silence > deadlines.suspicion { unheard += 1 }
            if silence > deadlines.lease {
                isSilent = true
                let cause = LossCause.silent(quietest.side, silence)
                lost.append(LostNode(id: node, cause: cause, firstSign: quietest.heard))
            } else if silence > deadlines.suspicion, !member.isSuspect {
                members[node]?.isSuspect = true
                log(.suspicion(node, side: quietest.side, silence: silence))
            } else if silence <= deadlines.suspicion {
                members[node]?.isSuspect = false
            }
        }
        // Cut off from so many at once, it will have been silent for them as well.
        if unheard > mostSilent { attendance.lastAbsence = now }
        guard !lost.isEmpty, !isSilent || !isolates(now: now) else { return }
        lose(lost, now: now)
    }

    /// When ticks stay out for half a budget it was the coordinator that was away: nobody else is
    /// to blame for the silence.
    private mutating func forgiveOwnAbsence(now: Seconds) {
        defer { attendance.lastTick = now }
        guard let absence = ownAbsence(now: now) else { return }
        forgive(absence, now: now)
        log(.warning(.coordinatorAway(absence)))
    }

    /// The last moment at which this coordinator was surely at work: its last tick, and before the first
    /// one its first event.
    var lastAtWork: Seconds? { attendance.lastTick ?? attendance.started }

    /// How long its own ticks have stayed out, if that is too long for a coordinator at work.
    func ownAbsence(now: Seconds) -> Seconds? {
        guard let last = lastAtWork, now - last > deadlines.suspicion else { return nil }
        return now - last
    }

    static func tenths(_ time: Seconds) -> Double { EventText.tenths(time) }
}
