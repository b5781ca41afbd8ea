import OobleckCore

/// Agents and workers that have come back to a restarted coordinator, and have not been heard of
/// since.
///
/// Each gives a sign of life as soon as it is answered. Before that nobody knows whether it still
/// listens: where the answer took longer than it waits, it has dropped the stream and opened another,
/// and what ends is not the process.
struct UnansweredReturns: Sendable {
    var agents: Set<NodeID> = []
    var workers: Set<WorkerID> = []
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
    package func awaits(workerPID: Int, of worker: WorkerID) -> Bool {
        returns.workers.contains(worker) && members[worker.node]?.isAlive == true
            && known(worker)?.pid == workerPID
    }

    /// Whether this worker is in the run; another session of the same process was given up.
    package func isConnected(workerPID: Int, of worker: WorkerID) -> Bool {
        members[worker.node]?.isAlive == true && known(worker)?.pid == workerPID
            && !returns.workers.contains(worker)
    }

    /// The worker is without a session, and cannot be planned for before it is back.
    mutating func disconnect(_ worker: WorkerID) {
        members[worker.node]?.workers[worker.device].pid = nil
        members[worker.node]?.workers[worker.device].heard = nil
        members[worker.node]?.workers[worker.device].isReady = false
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
        _ worker: WorkerID,
        pid: Int,
        _ testimony: WorkerTestimony,
        now: Seconds
    ) {
        let node = worker.node
        let isAgain = awaits(workerPID: pid, of: worker)
        guard members[node]?.isAlive == true, known(worker)?.pid == nil || isAgain else {
            return workerJoined(worker, pid: pid, now: now)
        }
        let recipients = newestPlan?.recipients ?? []
        if isAgain, reconnection == nil, recipients.contains(worker) {
            // What it was sent since its last attempt is lost, and what it has heard is not known.
            return callBack(now: now)
        }
        members[node]?.workers[worker.device].pid = pid
        members[node]?.workers[worker.device].heard = now
        returns.workers.insert(worker)
        noteFirstSight(of: node, now: now)
        if !testimony.hasJob { send(.job(job), to: worker) }
        if reconnection != nil {
            phase.whileReconnecting { $0.testimonies[worker] = testimony }
        } else {
            // What it holds is of no plan any more.
            end(testimony, on: worker)
        }
        if let digest = testimony.corpusDigest {
            let digests = ReadDigests(
                corpus: digest,
                model: testimony.modelDigest ?? "",
                validation: testimony.validationDigest ?? ""
            )
            ready(worker, digests, testimony.arithmetic, now: now)
        }
    }

    /// The end of an attempt to come back that was not answered in time means nothing: another
    /// follows, or the time for it runs out.
    mutating func sessionEnded(_ worker: WorkerID, _ side: SessionSide, now: Seconds) {
        let node = worker.node
        switch side {
        case .agent where returns.agents.remove(node) != nil:
            if reconnection != nil {
                members[node]?.agentPID = nil
                return
            }
        case .worker where returns.workers.remove(worker) != nil:
            if reconnection != nil {
                phase.whileReconnecting { $0.testimonies[worker] = nil }
                disconnect(worker)
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

    mutating func heard(_ worker: WorkerID, now: Seconds) {
        guard members[worker.node]?.isAlive == true, known(worker) != nil else {
            return dropStale()
        }
        members[worker.node]?.workers[worker.device].heard = now
        guard returns.workers.remove(worker) != nil else { return }
        finishReconnectingIfComplete(now: now)
    }
}
