import OobleckCore
import OobleckReconfiguration

/// A run that cannot go on with the nodes or the layers it has, and the checkpoint to go back to.
struct PendingRestore: Sendable {
    enum Search: Sendable {
        /// The store is looking.
        case underWay
        case found(RestorePoint)
        /// The answer would not be heard, because nodes have to come back first: the store is to be asked
        /// again.
        case interrupted
        /// There is none: the run starts again from its first state.
        case startsOver
    }

    /// When waiting began.
    var since: Seconds
    /// What is missing.
    var reason: String
    var search = Search.underWay
    /// Steps of checkpoints that turned out to be damaged.
    var damaged: Set<Int> = []

    var point: RestorePoint? {
        if case .found(let point) = search { point } else { nil }
    }

    /// What the store answers from now on is not heard.
    mutating func interrupt() {
        if case .underWay = search { search = .interrupted }
    }

    var isInterrupted: Bool {
        if case .interrupted = search { true } else { false }
    }

    var startsOver: Bool {
        if case .startsOver = search { true } else { false }
    }
}

/// Nodes that are started for a run that is resumed; it waits for them a while, so that all of them
/// get work at once.
struct Newcomers: Sendable {
    /// The lowest number that one of them can have.
    let first: NodeID
    let count: Int
}

extension Coordinator {
    /// Says that `count` new nodes are started for a run that is resumed.
    ///
    /// Such a run may start again from its first state when there is neither a node that holds its
    /// state nor a checkpoint.
    package mutating func expectNewcomers(_ count: Int) {
        let next = (members.keys.max()?.rawValue ?? -1) + 1
        start.newcomers = Newcomers(first: NodeID(next), count: count)
    }

    /// Whether all nodes that were started for this run have joined, and are ready or lost.
    ///
    /// The nodes that a resumed run had before do not count: they are gone, and others were started.
    /// A coordinator that took the resumed run over knows them by how they ended.
    var haveAllShownUp: Bool {
        let started = members.values.filter { $0.ending != .done }
        guard !started.contains(where: { $0.life == .joining }) else { return false }
        if let newcomers = start.newcomers, newcomers.count > 0 {
            return !isAnyMissing(of: newcomers)
        }
        return started.count >= job.cluster.nodes
    }

    private func isAnyMissing(of newcomers: Newcomers) -> Bool {
        let known = members.filter { $0.key >= newcomers.first }.values
        return known.count < newcomers.count || known.contains { $0.life == .joining }
    }

    /// Whether newcomers that were started can still get ready in time.
    private func awaitsNewcomers(since: Seconds, now: Seconds) -> Bool {
        guard let newcomers = start.newcomers, now - since <= min(deadlines.join, waitLimit) else {
            return false
        }
        return isAnyMissing(of: newcomers)
    }

    /// Whether a run that waits for nodes has none to wait for: all that were started have been refused.
    var isHopeless: Bool {
        guard let newcomers = start.newcomers, phase.kind == .waitingForNodes, !awaitsOthers,
            usableNodes.isEmpty
        else {
            return false
        }
        let known = members.filter { $0.key >= newcomers.first }.values
        return known.count >= newcomers.count && known.allSatisfy { $0.ending == .refused }
    }
}

extension Coordinator {
    /// Nodes are missing, or the last copy of a layer is: looks for a checkpoint, and waits for
    /// nodes if need be.
    ///
    /// A run that saves no checkpoints stops with `error`. Those of the steps in `bad` do not count.
    mutating func waitForNodes(
        because error: OobleckError,
        passingOver bad: Set<Int> = [],
        now: Seconds
    ) {
        guard error.code == .outOfNodes else { return stop(error) }
        guard stopping == nil else { return endStopped(error.message) }
        let begun = phase.restore
        guard job.checkpoint != nil || begun != nil || start.newcomers != nil else {
            return stop(error)
        }
        dropSave()
        log(.waitingForNodes(reason: error.message))
        guard var restore = begun else {
            let restore = PendingRestore(since: now, reason: error.message, damaged: bad)
            return search(for: restore)
        }
        restore.reason = error.message
        guard !restore.isInterrupted else {
            restore.since = now
            return search(for: restore)
        }
        phase = .waitingForNodes(restore)
        goOnIfPossible(now: now)
    }

    /// Waits, and asks the store for the newest checkpoint that is not known to be damaged.
    private mutating func search(for restore: PendingRestore) {
        phase = .waitingForNodes(restore)
        phase.whileWaiting { $0.search = .underWay }
        perform(
            .checkpoint(
                .find(
                    // The final state may be there already; there is nothing to train from it.
                    atMost: min(committedSteps, job.training.steps - 1),
                    corpusDigest: agreed.read?.digests.corpus,
                    excluding: restore.damaged
                )
            )
        )
    }

    /// The store's answer to ``search(for:)``.
    mutating func receive(_ point: RestorePoint?, passedOver: [String], now: Seconds) {
        guard case .waitingForNodes(let restore) = phase, restore.point == nil else {
            return dropStale()
        }
        for reason in passedOver { log(.checkpointDamaged(nil, reason: reason)) }
        guard let point else {
            // Enough nodes may have come while the store was looking.
            if goOnWithWhatIsHeld(now: now) { return }
            guard start.newcomers != nil else {
                let what = "\(restore.reason); there is no checkpoint to restore"
                return stop(OobleckError(.outOfNodes, what))
            }
            phase.whileWaiting { $0.search = .startsOver }
            log(.warning(.startsOver(weights: job.initialWeightsPath)))
            return goOnIfPossible(now: now)
        }
        phase.whileWaiting { $0.search = .found(point) }
        goOnIfPossible(now: now)
    }

    /// Goes on as soon as a plan exists: with the layers that are held if all are, otherwise from
    /// the checkpoint.
    mutating func goOnIfPossible(now: Seconds) {
        guard case .waitingForNodes(let restore) = phase,
            restore.point != nil || restore.startsOver
        else { return }
        if goOnWithWhatIsHeld(now: now) { return }
        guard !awaitsNewcomers(since: restore.since, now: now) else { return }
        if case .success(let document) = decidePlan(committed: 0, restoring: true, now: now) {
            let startsOver = restore.startsOver
            prepare(document, restoring: restore.point, startsOver: startsOver, now: now)
        }
    }

    private mutating func goOnWithWhatIsHeld(now: Seconds) -> Bool {
        guard case .success(let document) = decidePlan(committed: committedSteps, now: now) else {
            return false
        }
        phase = .deciding(nil)
        log(.warning(.checkpointNotNeeded))
        prepare(document, now: now)
        return true
    }

    /// A worker cannot load the checkpoint: the one before it is tried.
    mutating func receive(_ failure: RestoreFailure, from node: NodeID, now: Seconds) {
        guard let pending, pending.plan.generation == failure.generation,
            let point = pending.plan.reconfiguration.restore, point.step == failure.step
        else { return dropStale() }
        log(.checkpointDamaged(node, reason: failure.message))
        abort(reason: "the checkpoint of step \(point.step) is damaged")
        var restore = pending.restore ?? PendingRestore(since: now, reason: failure.message)
        restore.damaged.insert(point.step)
        search(for: restore)
    }

    /// Every worker has its layers from the checkpoint: the steps behind it count no more.
    mutating func completeRestore(
        of prepared: PendingPlan,
        _ preparation: PreparationSummary,
        now: Seconds
    ) {
        let (plan, restore) = (prepared.plan, prepared.restore)
        guard let step = plan.restoredStep else { return }
        let state = plan.reconfiguration.restore?.stateSHA256 ?? RestoredRun.firstState
        let restored = RestoredRun(step: step, generation: plan.generation, stateSHA256: state)
        let record = RestoreRecord(
            fromStep: committedSteps,
            step: step,
            stateSHA256: state,
            reason: restore?.reason ?? "",
            total: now - (restore?.since ?? now),
            load: preparation.transfer,
            loadedBytes: preparation.received
        )
        perform(.persist(.restored(restored, record)))
        perform(.restored(restored))
        (lastCommit, restoredGeneration, lastEvaluation) = (nil, restored.generation, nil)
        log(.restored(record))
        if !plan.startsOver { checkpoints.lastStart = now }
        if !knownBugs.contains(.skipsCountedTwice) {
            troubles.skippedInARow = max(0, troubles.skippedInARow - (committedSteps - step))
        }
        committedSteps = step
        checkpoints.savedStep = plan.startsOver ? nil : step
        account.goBack(to: record, globalBatch: job.training.globalBatch)
    }

    /// How long a run waits for nodes.
    ///
    /// Without checkpoints only as long as nodes that were started for it may take to get ready.
    private var waitLimit: Seconds { job.checkpoint?.wait ?? deadlines.join }

    /// Bounds the wait for nodes; after it, those that are ready have to do.
    mutating func checkWait(now: Seconds) {
        let limit = waitLimit
        goOnIfPossible(now: now)
        guard case .waitingForNodes(let restore) = phase, now - restore.since > limit else {
            return
        }
        let waited = "no plan within \(Self.tenths(limit)) s of waiting for nodes"
        let found = restore.point.map { "; the newest checkpoint is of step \($0.step)" } ?? ""
        stop(OobleckError(.outOfNodes, "\(restore.reason); \(waited)\(found)"))
    }
}
