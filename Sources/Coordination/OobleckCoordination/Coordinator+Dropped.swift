import OobleckCore

/// Nodes that may have a standby drop a coordinator that was silent for one budget, and look for whoever
/// leads. Where it was only away or cut off for a moment, it still leads, and all of them come back.
///
/// The end of their streams is then no sign of their loss. All streams are closed, so that every node
/// comes back with its testimony, and the run goes on as after a restart: without losing a step or a
/// node.
extension Coordinator {
    /// Whether the end of a stream says more of this coordinator than of the node: it was away or
    /// cut off within the last budget.
    func wasDropped(now: Seconds) -> Bool {
        guard hasStandby, outcome == nil, !knownBugs.contains(.droppedTakenForDead) else {
            return false
        }
        if isolation != nil { return true }
        let budget = job.cluster.detectionBudget
        // Its own tick is overdue, or was.
        let isOverdue = ownAbsence(now: now) != nil
        let wasAway = attendance.lastAbsence.map { now - $0 <= budget } ?? false
        return isOverdue || wasAway
    }

    /// Whether the agent or worker with this number comes back though its stream has not ended here: it
    /// has dropped this coordinator, and the others most likely as well.
    package func wasDropped(by pid: Int, of node: NodeID) -> Bool {
        guard hasStandby, outcome == nil, !knownBugs.contains(.droppedTakenForDead),
            let member = members[node]
        else { return false }
        return member.isAlive
            && (member.agentPID == pid || member.workers.contains { $0.pid == pid })
    }

    /// Has all nodes come back.
    mutating func callBack(now: Seconds) {
        let living = members.filter { $0.value.isAlive }
        // Some may have been called back before, and not have come yet.
        let before = reconnection
        var restore = phase.restore
        restore?.interrupt()
        let workers = Set(living.keys.flatMap { connectedWorkers(of: $0) })
        let reconnection = Reconnection(
            agents: (before?.agents ?? [:]).filter { living[$0.key] != nil }
                .merging(living.compactMapValues(\.agentPID)) { $1 },
            workers: workers.union(before?.workers ?? []).filter { living[$0.node] != nil },
            planned: pending?.plan.document ?? before?.planned ?? plan?.document,
            committed: lastCommit,
            restored: restoredGeneration,
            patience: deadlines.takeover,
            restore: restore,
            since: now
        )
        for node in living.keys {
            members[node]?.agentPID = nil
            members[node]?.agentHeard = nil
            for device in members[node]?.workers.indices ?? 0..<0 {
                disconnect(WorkerID(node, device: device))
            }
            members[node]?.isSuspect = false
            // It can be planned for once its worker is back.
            members[node]?.life = .joining
            members[node]?.since = now
        }
        (isolation, returns) = (nil, UnansweredReturns())
        dropSave()
        phase = .reconnecting(reconnection)
        perform(.closeSessions)
        log(.isolated(.dropped))
    }
}
