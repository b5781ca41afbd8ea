import OobleckCore

/// More than f nodes are silent at once.
struct Isolation: Sendable {
    var since: Seconds
    /// Since when no more than f of them are silent, once that is so.
    var returning: Seconds?
}

/// When more than f nodes fall silent together, or all of several, the likelier reason is the coordinator's own link:
/// nobody is taken for dead, nothing is committed, and the run goes on when they are heard again.
///
/// Bounded by ``Deadlines/isolation``; who is silent then is lost like any other.
extension Coordinator {
    /// Silent nodes of which more are not taken for dead at once.
    var mostSilent: Int { max(1, job.cluster.faultTolerance) }

    /// Whether it is rather the coordinator that these nodes do not reach.
    func isOurs(_ silent: [NodeID]) -> Bool {
        let isAll = silent.count > 1 && silent.count == members.values.count { $0.isAlive }
        return silent.count > mostSilent || isAll
    }

    /// Whether the loss of nodes that have been silent for a lease is put off, because others fell
    /// silent within the same interval of heartbeats.
    mutating func isolates(now: Seconds) -> Bool {
        let silent = silentNodes(for: deadlines.lease - deadlines.heartbeat, now: now)
        guard isOurs(silent) else { return false }
        isolation = Isolation(since: now)
        log(.isolated(.silence(silent, limit: deadlines.isolation)))
        return true
    }

    /// Ends the wait when the nodes are back, or the time for it is up.
    mutating func checkIsolation(now: Seconds) {
        guard let isolation else { return }
        let silent = silentNodes(for: deadlines.suspicion, now: now)
        let waited = now - isolation.since
        if silent.isEmpty || waited > deadlines.isolation { return endIsolation(silent, now: now) }
        guard !isOurs(silent) else {
            self.isolation?.returning = nil
            return
        }
        let returning = isolation.returning ?? now
        self.isolation?.returning = returning
        // A stream goes on later than its link: TCP tries again after pauses as long as the cut.
        let patience = max(deadlines.lease, returning - isolation.since)
        if now - returning > patience { endIsolation(silent, now: now) }
    }

    private mutating func endIsolation(_ silent: [NodeID], now: Seconds) {
        guard let isolation else { return }
        self.isolation = nil
        // The ends of streams that nodes gave up meanwhile may be heard of only now.
        attendance.lastAbsence = now
        let waited = now - isolation.since
        shiftDeadlines(by: waited, now: now)
        log(.reconnected(.heard(after: waited, without: silent)))
        lose(
            silent.map { node in
                let heard = members[node]?.quietest?.heard ?? isolation.since
                return LostNode(id: node, cause: .silent(nil, now - heard), firstSign: heard)
            },
            now: now
        )
        catchUpAfterIsolation(now: now)
    }

    /// What came in meanwhile may be all that was waited for.
    private mutating func catchUpAfterIsolation(now: Seconds) {
        guard outcome == nil else { return }
        activateIfPrepared(now: now)
        commitIfComplete(now: now)
        finishEvaluationIfComplete(now: now)
    }

    /// Living nodes of which one side has been silent for longer than `limit`, ascending.
    func silentNodes(for limit: Seconds, now: Seconds) -> [NodeID] {
        members.filter { $0.value.isAlive }.keys.sorted().filter { node in
            members[node]?.quietest.map { now - $0.heard > limit } ?? false
        }
    }

    /// Time in which nothing could happen, up to `now`, counts against nobody.
    mutating func shiftDeadlines(by absence: Seconds, now: Seconds) {
        func shift(_ time: inout Seconds) { time = min(now, time + absence) }
        phase.shiftDeadlines(shift)
        if var started = checkpoints.save?.started {
            shift(&started)
            checkpoints.save?.started = started
        }
        if var since = isolation?.since {
            shift(&since)
            isolation?.since = since
        }
        if var request = stopping {
            shift(&request.since)
            if var boundary = request.boundary {
                shift(&boundary)
                request.boundary = boundary
            }
            stopping = request
        }
        if phase.kind == .starting, var started = attendance.started {
            shift(&started)
            attendance.started = started
        }
        for (node, member) in members where member.life == .joining {
            guard var since = member.since else { continue }
            shift(&since)
            members[node]?.since = since
        }
    }
}
