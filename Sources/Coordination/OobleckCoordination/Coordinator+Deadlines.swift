import OobleckCore

/// A broken collective was reported, and nobody is known dead yet.
struct FaultGrace: Sendable {
    var since: Seconds
    let message: String
    /// How long the step in flight had taken by then; nothing where none was.
    let stepTime: Seconds
}

/// How long the latest steps took.
struct StepTimes: Sendable {
    /// Steps that are remembered.
    private static let capacity = 16
    /// A prediction counts for at most so many times the longest step that was measured.
    private static let mostOverMeasured = 100.0
    /// A step that failed counts for a fifth of its time: the waits of the next try are then about
    /// three times as long, and a wait without end still soon ends the run.
    static let shareOfFailed = 5.0

    private var latest: [Seconds] = []
    private var count = 0

    /// Takes the time of a step; one that cannot have been measured counts for nothing.
    mutating func add(_ time: Seconds) {
        guard let time = time.measured else { return }
        if latest.count < Self.capacity {
            latest.append(time)
        } else {
            latest[count % Self.capacity] = time
        }
        count += 1
    }

    /// The longest that a step may be expected to take: by prediction or, once steps were measured,
    /// by what those took.
    func expected(planned: Seconds) -> Seconds {
        let planned = planned.bounded(by: .zero...Deadlines.longestStep)
        guard let longest = latest.max() else { return planned }
        return max(longest, min(planned, Self.mostOverMeasured * longest))
    }
}

extension Coordinator {
    /// Retries of one step with the same nodes, after which the run stops.
    private static let retryLimit = 3

    /// Every deadline, as of now.
    var deadlines: Deadlines {
        let planned = newestPlan?.document.plan.stepTime ?? .zero
        return Deadlines(
            budget: job.cluster.detectionBudget,
            step: measured.steps.expected(planned: planned),
            link: link
        )
    }

    /// Bytes that a link moves in a second, by the profile and by the slowest copy so far.
    var link: Double? {
        [profile.linkBytesPerSecond, measured.slowestCopy].compactMap { $0 }.min()
    }

    /// Bytes of a copy whose time says something of the link.
    private static let leastMeasured = 1 << 20

    /// Takes the rate of a node's copies over.
    mutating func noteCopy(_ report: PreparationReport) {
        guard report.received.value >= Self.leastMeasured,
            let time = report.transfer.measured, time > 0
        else { return }
        measured.slowestCopy = min(
            measured.slowestCopy ?? .infinity,
            Double(report.received.value) / time.value
        )
    }

    /// A worker reports a broken collective: a hint that somebody is dead.
    ///
    /// For a moment nothing is done about it, nor any step committed, so that the proof can come
    /// in.
    mutating func receiveFault(
        _ generation: Generation,
        message: String,
        _ findings: FaultFindings,
        from worker: WorkerID,
        now: Seconds
    ) {
        let node = worker.node
        if case .collecting(let collection) = phase, generation == collection.generation,
            !knownBugs.contains(.finalDamageIgnored)
        {
            // What it does not hold any more it has reported before.
            let held = findings.damagedLayers.intersection(members[node]?.holdings ?? [])
            return held.isEmpty ? dropStale() : replace([node: held], now: now)
        }
        guard phase.isUnderPlan, generation == activeGeneration,
            isInvolved(node)
        else { return dropStale() }
        guard findings.damagedLayers.isEmpty else {
            return replace([node: findings.damagedLayers], now: now)
        }
        let peers = findings.unreached.filter { isInvolved($0) }
        troubles.cuts.note(node, peers, generation, step: committedSteps)
        suspectCollective(
            CollectiveFailure(node: node, reason: message, unreached: peers),
            now: now
        )
    }

    private mutating func suspectCollective(_ failure: CollectiveFailure, now: Seconds) {
        recovery.firstFault = recovery.firstFault ?? now
        guard grace == nil else { return }
        let stepTime = training.map { now - $0.tally.started } ?? .zero
        let grace = FaultGrace(since: now, message: failure.text, stepTime: stepTime)
        phase.whileReconfiguring { $0.grace = grace }
        phase.whileTraining { $0.grace = grace }
        log(.warning(.collectiveFailed(lastGeneration ?? 0, failure)))
    }

    /// Ends the grace: everybody turned out to be alive, so the same nodes try again.
    ///
    /// Whoever has been silent since the fault is either heard of soon or found dead.
    mutating func checkGrace(now: Seconds) {
        guard let grace else { return }
        let isTraining = phase.kind == .training
        let patience = isTraining ? deadlines.grace : deadlines.formationGrace
        guard now - grace.since >= patience, let workers = newestPlan?.workers,
            workers.allSatisfy({ (known($0)?.heard ?? 0) > grace.since })
        else { return }
        // All live: perhaps the step only takes longer than was expected, as after a profile that
        // is far off. The next try is given more time.
        if isTraining { troubles.stragglers.patience = deadlines.collective }
        if stopping == nil { measured.steps.add(grace.stepTime / StepTimes.shareOfFailed) }
        retry(because: grace.message, now: now)
    }

    mutating func retry(because message: String, now: Seconds) {
        if resolveCut(now: now) { return }
        troubles.retries =
            troubles.retries.step == committedSteps ? troubles.retries : (committedSteps, 0)
        guard troubles.retries.count < Self.retryLimit else {
            let task = isEvaluating ? "the evaluation after step" : "step"
            let what =
                "\(task) \(committedSteps) failed \(counted(troubles.retries.count + 1, "time")) with nobody lost"
            return stop(OobleckError(.internalFault, "\(what): \(message)"))
        }
        troubles.retries.count += 1
        abort(reason: message)
        reconfigure(now: now)
    }

    /// Bounds the wait for a plan to be prepared.
    mutating func checkPreparation(now: Seconds) {
        guard let pending else { return }
        let waited = now - pending.since
        guard waited > deadlines.barrier else { return }
        let overdue = pending.overdue
        let hard = deadlines.preparation(receiving: pending.plan.mostReceived)
        guard waited > hard else {
            let silent = overdue.filter { now - (known($0)?.heard ?? 0) > deadlines.suspicion }
            // So many at once are rather ones that we do not hear; ``isolates(now:)`` sees to them.
            guard !isOurs(silent.nodes) else { return }
            let lost = silent.nodes.map { node in
                let signs = silent.filter { $0.node == node }.compactMap { known($0)?.heard }
                return tardy(node, firstSign: signs.min())
            }
            return lose(lost, now: now)
        }
        guard overdue.count < pending.plan.workers.count else {
            let what = "no node prepared generation \(pending.plan.generation)"
            return retry(because: "\(what) within \(hard.value) s", now: now)
        }
        lose(overdue.nodes.map { tardy($0, firstSign: nil) }, now: now)
    }

    private func tardy(_ node: NodeID, firstSign: Seconds?) -> LostNode {
        LostNode(id: node, cause: .unprepared(lastGeneration ?? 0), firstSign: firstSign)
    }

    /// Bounds a step in which no worker notices that something is stuck.
    mutating func checkStep(now: Seconds) {
        guard case .training(let training) = phase, training.grace == nil, let plan else {
            return
        }
        let limit = deadlines.stall
        guard now - training.tally.started > limit else { return }
        let missing = plan.workers.filter { training.tally.votes[$0] == nil }.nodes
        let waited = Self.tenths(limit)
        let nodes = EventText.nodes(missing)
        let batch = training.evaluation?.wholeBatches
        let what =
            batch.map { "global batch \($0) of the evaluation is not complete" }
            ?? "no vote from \(nodes)"
        suspectCollective(CollectiveFailure(reason: "\(what) in \(waited) s"), now: now)
        phase.whileTraining { $0.tally.started = now }
    }

    /// Bounds a collection in which nothing arrives any more.
    mutating func checkCollection(now: Seconds) {
        guard let collection, let plan,
            now - collection.progress > deadlines.stall
        else { return }
        let late = plan.workers.filter {
            collection.isOwed(by: $0) && members[$0.node]?.isAlive == true
        }
        lose(
            late.nodes.map { LostNode(id: $0, cause: .layersNotHandedIn, firstSign: nil) },
            now: now
        )
    }
}
