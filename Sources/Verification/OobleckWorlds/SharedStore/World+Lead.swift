import Foundation
import OobleckCoordination
import OobleckCore

/// How processes of a world come to lead its run, and stop leading it.
extension World {
    private var timeToLive: Int { FencedLead.timeToLive(budget: Seconds(Self.detectionBudget)) }
    /// Time between two bids of a standby.
    private static let pause = 0.3

    /// Whether the coordinator's process may act for the run, as it knows.
    func mayAct() -> Bool {
        guard let shared else { return shell.deposedFor == nil }
        return mayAct(shared.leading)
    }

    private func mayAct(_ process: Int) -> Bool {
        guard shared?.leads[process]?.mayAct(now: Seconds(now)) == true else {
            shared?.deposed.insert(process)
            return false
        }
        if shared?.deposed.contains(process) == true {
            judge.complain("a coordinator that led no more leads again")
        }
        return true
    }

    // MARK: The first leader

    /// The store of a new run, whose first coordinator leads from the beginning.
    func makeSharedStore() {
        let latency = random.chance(0.2) ? 0.12 : random.seconds(0...0.02)
        shared = SharedStoreWorld(
            latency: latency,
            largestPart: random.chance(0.3) ? 1500 : LargeValue.largestPart
        )
        guard
            case .granted(let lease) = shared?.etcd.reply(
                to: .grant(seconds: timeToLive),
                now: 0
            )
        else { return }
        let bid = LeadBid(value: Data("0".utf8), lease: lease)
        guard
            case .transaction(let answer) = shared?.etcd.reply(
                to: .transaction(bid.transaction),
                now: 0
            ), case .won(let token) = bid.outcome(answer)
        else { return }
        lead(0, lease, token, asked: 0)
        agenda.add(.shared(.bid), at: Self.pause)
    }

    private func lead(_ process: Int, _ lease: Int64, _ token: Int64, asked: Double) {
        shared?.leads[process] = FencedLead(
            lease: lease,
            token: token,
            identity: "\(process)",
            validUntil: Seconds(asked + Double(timeToLive)),
            bugs: setup.bugs
        )
        agenda.add(.shared(.renew(process: process)), at: now + Double(timeToLive) / 4)
    }

    // MARK: Leases

    func renew(_ process: Int) {
        guard let lead = shared?.leads[process], shared?.ended.contains(process) == false else {
            return
        }
        checkOthers()
        guard !lead.isDeposed else { return }
        startCall(.renew(lead.lease), of: process, .renewal(asked: now))
    }

    private func renewed(_ process: Int, _ seconds: Int64, asked: Double) {
        let isKept = shared?.leads[process]?.renewed(
            seconds,
            asked: Seconds(asked),
            now: Seconds(now)
        )
        checkOthers()
        _ = mayAct(process)
        guard isKept == true else { return }
        agenda.add(.shared(.renew(process: process)), at: now + Double(timeToLive) / 4)
    }

    /// No two processes may act at a time.
    private func checkOthers() {
        guard let shared else { return }
        let acting = shared.leads.keys.filter { process in
            var lead = shared.leads[process]
            return !shared.ended.contains(process)
                && lead?.mayAct(now: Seconds(now)) == true
        }
        if acting.count > 1 { judge.complain("two coordinators may act at a time") }
    }

    // MARK: Standbys

    func bid() {
        guard let known = shared, known.candidate == nil, !known.isToldOver else { return }
        let process = known.lastProcess + 1
        shared?.lastProcess = process
        shared?.candidate = SharedStoreWorld.Candidate(process: process)
        startCall(.grant(seconds: timeToLive), of: process, .lease(asked: now))
    }

    private func giveUpBid(after pause: Double = World.pause) {
        if let process = shared?.candidate?.process { shared?.ended.insert(process) }
        shared?.candidate = nil
        agenda.add(.shared(.bid), at: now + pause)
    }

    private func bidAnswered(
        _ bid: LeadBid,
        _ answer: KeyValueAnswer,
        of process: Int,
        asked: Double
    ) {
        switch bid.outcome(answer) {
        case .won(let token):
            if shell.outcome != nil, !shell.isDown {
                judge.complain("a standby takes up a run that is over")
            }
            lead(process, bid.lease, token, asked: asked)
            checkOthers()
            startCall(.read, of: process, .reading)
        case .anotherLeads(let leases):
            for lease in leases { startCall(.revoke(lease), of: process, .revocation) }
            giveUpBid()
        case .runIsOver:
            shared?.ended.insert(process)
            shared?.candidate = nil
            shared?.isToldOver = true
            hearEnd()
        }
    }

    /// A process was not answered in time, because the coordinator waited for the store.
    func noteUnanswered(_ reason: String) {
        guard shared != nil, reason.contains("found no coordinator within") else { return }
        let hadTrouble = struck.contains {
            WorldFault.Action.sharedKinds.contains(setup.faults[$0].action.kind)
        }
        if hadTrouble { wasAwayTooLong = true }
    }

    /// The store says that the run is over, and its last coordinator may not have heard it.
    func hearEnd() {
        guard shared?.isToldOver == true, shell.outcome == nil, shell.isDown else { return }
        shell.outcome = shared?.concluding
        progress = now
    }

    private func read(_ entries: [KeyValue], by process: Int) {
        do {
            let lines = entries.count { $0.name.hasPrefix(SharedState.ledgerPrefix) }
            let kept = try SharedState(
                entries: entries,
                lines: lines,
                largestPart: shared?.largestPart ?? 0
            )
            compare(kept.durable)
            let sequence = entries.first { $0.name == FencedLead.sequenceName }
            shared?.leads[process]?.follow(sequence?.value)
            shared?.candidate?.kept = kept
            shared?.candidate?.changes = changesOfTakeOver(kept.durable)
            keepNext()
        } catch {
            judge.complain("what the store holds cannot be read: \(error)")
            giveUpBid(after: 1)
        }
    }

    private func changesOfTakeOver(_ state: DurableState) -> [DurableChange] {
        let left =
            shell.isResumed && shell.awaitsNewcomers
            ? state.nodes.filter { !$0.value.isOut }.keys.sorted() : []
        return [.tookOver(term: state.term + 1)]
            + left.map { .left($0, hasFailed: false, as: .done) }
    }

    /// The store holds what was kept, and of what was on its way all or nothing.
    private func compare(_ found: DurableState) {
        guard let known = shared, found != known.truth else {
            shared?.unheard = nil
            return
        }
        if let change = known.unheard {
            shared?.unheard = nil
            var other = known.truth
            other.apply(change)
            if found == other {
                shared?.truth = other
                shell.files.follow(other)
                changes.append(change)
                return judge.kept(change, decided: now)
            }
        }
        judge.complain(
            "the store holds step \(found.committedSteps), term \(found.term); kept were "
                + "\(known.truth.committedSteps), \(known.truth.term)"
        )
    }

    /// Someone has a run that was stopped go on: what says that it is over is taken away, and there is
    /// another process.
    func reopen() {
        downSince = now
        shared?.etcd.reopen()
        shared?.isToldOver = false
        shell.awaitsNewcomers = true
        bid()
    }

    // MARK: Taking over

    /// Keeps what a process that takes over has to keep, and then it acts.
    private func keepNext() {
        guard let candidate = shared?.candidate else { return }
        guard let change = candidate.changes.first else { return takeOver(candidate) }
        begin(change, of: candidate.process, candidate.kept, nil)
    }

    func candidateKept(_ change: DurableChange) {
        shared?.candidate?.kept.kept(change)
        shared?.candidate?.changes.removeFirst()
        keepNext()
    }

    func candidateFailed() { giveUpBid(after: 1) }

    private func takeOver(_ candidate: SharedStoreWorld.Candidate) {
        shared?.candidate = nil
        endLeader()
        shared?.leading = candidate.process
        shared?.kept = candidate.kept
        shell.files.follow(candidate.kept.durable)
        let newNodes = shell.awaitsNewcomers ? setup.nodes : nil
        shell.awaitsNewcomers = false
        restartCoordinator(newNodes: newNodes)
        agenda.add(.shared(.bid), at: now + Self.pause)
    }

    /// The process that led is still there: it stood still, or has not noticed yet.
    private func endLeader() {
        guard let process = shared?.leading, !shell.isDown else { return }
        if mayAct(process) { judge.complain("another takes over from one that may act") }
        log("the last coordinator is no more heard")
        // Later it continues with what it had asked of the store.
        for happening in shell.storeBacklog {
            agenda.add(.shared(happening), at: now + random.seconds(0...3))
        }
        if let writing = shared?.writing, writing.process == process { shared?.writing = nil }
        (shell.isFrozen, shell.storeBacklog) = (false, [])
        (shell.isDown, downSince) = (true, now)
        closeAllSessions()
    }

    // MARK: Answers

    func answered(_ call: SharedStoreWorld.Call, _ reply: SimulatedEtcd.Reply) {
        let isCandidate = shared?.candidate?.process == call.process
        switch (call.purpose, reply) {
        case (.write(let write), .transaction(let answer)): written(write, answer, call.process)
        case (.renewal(let asked), .renewed(let seconds)):
            renewed(call.process, seconds, asked: asked)
        case (.lease(let asked), .granted(let lease)):
            guard isCandidate else { return }
            let bid = LeadBid(
                value: Data("\(call.process)".utf8),
                lease: lease,
                bugs: setup.bugs
            )
            startCall(.transaction(bid.transaction), of: call.process, .bid(bid, asked: asked))
        case (.bid(let bid, let asked), .transaction(let answer)):
            guard isCandidate else { return }
            bidAnswered(bid, answer, of: call.process, asked: asked)
        case (.reading, .entries(let entries)):
            guard isCandidate else { return }
            read(entries, by: call.process)
        default: break
        }
    }

    func failed(_ call: SharedStoreWorld.Call, _ error: OobleckError) {
        switch call.purpose {
        case .write: writeFailed(call.process, error)
        case .renewal:
            // Tried again at the next turn; what counts is the end of the lease.
            agenda.add(.shared(.renew(process: call.process)), at: now + Double(timeToLive) / 4)
        case .lease, .bid, .reading:
            if shared?.candidate?.process == call.process { giveUpBid() }
        case .revocation: break
        }
    }
}
