import OobleckCore

/// Agents and workers that have come back to a restarted coordinator, and have not been heard of
/// since.
///
/// Each gives a sign of life as soon as it is answered. Before that nobody knows whether it still
/// listens: where the answer took longer than it waits, it has dropped the stream and opened another,
/// and what ends is not the process.
struct UnansweredReturns: Sendable {
    var agents: Set<NodeID> = []
    var workers: Set<NodeID> = []
}

extension Coordinator {
    /// Whether agents and workers are still to come back after a restart.
    package var isReconnecting: Bool { reconnection != nil }

    /// Whether this agent is one that is to come back, or that did and has not been heard of since.
    package func awaits(agentPID: Int, of node: NodeID) -> Bool {
        guard let member = members[node], member.isAlive else { return false }
        if returns.agents.contains(node) { return member.agentPID == agentPID }
        return member.agentPID == nil && reconnection?.agents[node] == agentPID
    }

    /// Whether this worker came back and has not been heard of since.
    package func awaits(workerPID: Int, of node: NodeID) -> Bool {
        returns.workers.contains(node) && members[node]?.isAlive == true
            && members[node]?.workerPID == workerPID
    }

    /// Whether this worker is in the run; another session of the same process was given up.
    package func isConnected(workerPID: Int, of node: NodeID) -> Bool {
        members[node]?.isAlive == true && members[node]?.workerPID == workerPID
            && !returns.workers.contains(node)
    }

    mutating func agentReturned(_ node: NodeID, pid: Int, now: Seconds) {
        guard awaits(agentPID: pid, of: node) else {
            return agentJoined(node, pid: pid, now: now)
        }
        members[node]?.agentPID = pid
        members[node]?.agentHeard = now
        returns.agents.insert(node)
        noteFirstSight(of: node, now: now)
    }

    mutating func workerReturned(
        _ node: NodeID,
        pid: Int,
        _ testimony: WorkerTestimony,
        now: Seconds
    ) {
        let isAgain = awaits(workerPID: pid, of: node)
        guard members[node]?.isAlive == true, members[node]?.workerPID == nil || isAgain else {
            return workerJoined(node, pid: pid, now: now)
        }
        let recipients = (pending?.plan ?? plan)?.recipients ?? []
        if isAgain, reconnection == nil, recipients.contains(node) {
            // What it was sent since its last attempt is lost, and what it has heard is not known.
            return callBack(now: now)
        }
        members[node]?.workerPID = pid
        members[node]?.workerHeard = now
        returns.workers.insert(node)
        noteFirstSight(of: node, now: now)
        if !testimony.hasJob { send(.job(job), to: node) }
        if reconnection != nil {
            reconnection?.testimonies[node] = testimony
        } else {
            // What it holds is of no plan any more.
            end(testimony, on: node)
        }
        if let digest = testimony.corpusDigest {
            let digests = ReadDigests(
                corpus: digest,
                model: testimony.modelDigest ?? "",
                validation: testimony.validationDigest ?? ""
            )
            ready(node, digests, testimony.arithmetic, now: now)
        }
    }

    /// The end of an attempt to come back that was not answered in time means nothing: another
    /// follows, or the time for it runs out.
    mutating func sessionEnded(_ node: NodeID, _ side: SessionSide, now: Seconds) {
        switch side {
        case .agent where returns.agents.remove(node) != nil:
            if reconnection != nil {
                members[node]?.agentPID = nil
                return
            }
        case .worker where returns.workers.remove(node) != nil:
            if reconnection != nil {
                reconnection?.testimonies[node] = nil
                members[node]?.workerPID = nil
                // No plan can count on it before it is back.
                members[node]?.life = .joining
                members[node]?.since = now
                return
            }
        default: break
        }
        guard !wasDropped(now: now) else { return callBack(now: now) }
        lose([LostNode(id: node, cause: .disconnected(side), firstSign: nil)], now: now)
    }

    mutating func heardAgent(of node: NodeID, now: Seconds) {
        guard members[node]?.isAlive == true else { return dropStale() }
        members[node]?.agentHeard = now
        guard returns.agents.remove(node) != nil else { return }
        finishReconnectingIfComplete(now: now)
    }

    mutating func heardWorker(of node: NodeID, now: Seconds) {
        guard members[node]?.isAlive == true else { return dropStale() }
        members[node]?.workerHeard = now
        guard returns.workers.remove(node) != nil else { return }
        finishReconnectingIfComplete(now: now)
    }
}
