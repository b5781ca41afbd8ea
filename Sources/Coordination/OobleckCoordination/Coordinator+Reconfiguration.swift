import OobleckCore
import OobleckReconfiguration

/// A plan on its way into force.
struct PendingPlan: Sendable {
    let plan: CoordinatorPlan
    var since: Seconds
    /// The return to a checkpoint that has begun, until a plan comes into force.
    var restore: PendingRestore?
    /// A report of a broken collective that waits for proof of who died.
    var grace: FaultGrace?
    var reports: [WorkerID: PreparationReport] = [:]

    /// Workers of the plan that have not reported.
    var overdue: [WorkerID] { plan.workers.filter { reports[$0] == nil } }
}

extension Coordinator {
    /// Starts the run when all nodes are there, or no more are to be expected.
    mutating func startIfPossible(isEvent: Bool, now: Seconds) {
        let expected = job.cluster.nodes
        let usable = usableNodes.count
        let isLate = now - (attendance.started ?? now) > deadlines.join
        let isComplete = usable >= expected
        // All that were expected have shown up, and some have died already.
        let isDecimated = haveAllShownUp
        // Those that failed are not replaced, and no others come.
        let isHopeless = isDecimated && !awaitsOthers
        guard isLate || isEvent && (isComplete || isDecimated && usable > 0 || isHopeless) else {
            return nameMissing(now: now)
        }
        switch decidePlan(committed: 0, now: now) {
        case .failure(let error):
            if isLate || isHopeless { stop(describe(error, usable: usable)) }
        case .success(let document):
            if !isComplete {
                log(.warning(.startsShort(ready: usable, expected: expected)))
            }
            prepare(document, restoring: phase.restore?.point, now: now)
        }
    }

    /// Says once which nodes the run waits for, when they take long.
    private mutating func nameMissing(now: Seconds) {
        let waited = now - (attendance.started ?? now)
        guard !start.hasNamedMissing, waited > deadlines.join / 4 else { return }
        start.hasNamedMissing = true
        let starting = members.filter { $0.value.life == .joining }.keys
        let known = Set(starting).union(start.reserved).sorted()
        let nodes = MissingNodes(
            missing: job.cluster.nodes - usableNodes.count,
            expected: job.cluster.nodes,
            starting: known
        )
        log(.warning(.waitsForStart(nodes)))
    }

    /// Why the run does not start: what is missing, and why the last node that failed did.
    private func describe(_ error: OobleckError, usable: Int) -> OobleckError {
        guard let failure = start.failure else { return error }
        let ready = "\(usable) of \(job.cluster.nodes) nodes got ready"
        let what = usable == 0 ? "none of the nodes got ready" : "\(ready), \(error.message)"
        return OobleckError(.outOfNodes, "\(what); \(failure)")
    }

    /// Decides the plan for who is left and sets it going, or stops the run.
    mutating func reconfigure(now: Seconds) {
        switch decidePlan(committed: committedSteps, now: now) {
        case .success(let document): prepare(document, now: now)
        case .failure(let error) where committedSteps >= job.training.steps:
            // Everything is trained: what the nodes hold is worth more than its evaluation.
            log(.warning(.finalStateNotEvaluated(reason: error.message)))
            collectHeldLayers(now: now)
        case .failure(let error): waitForNodes(because: error, now: now)
        }
    }

    /// The plan for all usable nodes but those that drain; the latest drains are given up if there
    /// is no plan without their nodes.
    ///
    /// Fails when there is no plan at all.
    ///
    /// When `restoring`, every layer is there for every node.
    mutating func decidePlan(
        committed: Int,
        restoring: Bool = false,
        now: Seconds
    ) -> Result<PlanDocument, OobleckError> {
        let usable = usableNodes
        guard !usable.isEmpty else {
            return .failure(OobleckError(.outOfNodes, "no node is left\(lossClause)"))
        }
        let (decision, kept) = reconfigurator.decide(
            nodes: usable,
            draining: usable.filter { members[$0]?.isDraining == true },
            holdings: restoring ? [:] : holdings,
            hasState: committed > 0 && !restoring,
            generation: lastGeneration?.next ?? 0,
            costs: costs(now: now),
            bounds: memoryBounds
        )
        for (node, reason) in kept {
            members[node]?.isDraining = false
            perform(.persist(.draining(node, false)))
            log(.warning(.stays(node, reason: reason)))
        }
        switch decision {
        case .plan(let document, let isCovered):
            noteCoverage(isCovered, document)
            return .success(apportioned(document))
        case .lostLayers(_, let reason), .tooFewNodes(_, _, let reason):
            return .failure(OobleckError(.outOfNodes, "\(reason)\(lossClause)"))
        }
    }

    /// Plans are judged by the time between failures that the run has seen.
    func costs(now: Seconds) -> ReconfigurationCosts {
        ReconfigurationCosts(
            elapsed: now - (attendance.started ?? now),
            lostNodes: account.failures,
            nodes: holdings.count,
            slowness: troubles.slowness.byNode
        )
    }

    /// The layers whose state each living node holds.
    var holdings: [NodeID: Set<Int>] {
        members.filter { $0.value.life == .usable }.mapValues(\.holdings)
    }

    /// The same for each worker.
    private var holdingsByWorker: [WorkerID: Set<Int>] {
        var holdings: [WorkerID: Set<Int>] = [:]
        for (node, member) in members where member.life == .usable {
            for (device, worker) in member.workers.enumerated() {
                holdings[WorkerID(node, device: device)] = worker.holdings
            }
        }
        return holdings
    }

    /// Sends a plan to all it concerns; with a checkpoint, or when the run starts over, what nodes hold
    /// counts no more.
    mutating func prepare(
        _ document: PlanDocument,
        restoring point: RestorePoint? = nil,
        startsOver: Bool = false,
        now: Seconds
    ) {
        let hasState = committedSteps > 0 && point == nil && !startsOver
        let held = holdingsByWorker
        let document =
            hasState ? document.fromDeviceToDevice(held, layers: profile.layers) : document
        let plan: CoordinatorPlan
        do {
            plan = try CoordinatorPlan(
                document,
                committedSteps: committedSteps,
                restoring: point,
                startsOver: startsOver,
                layers: profile.layers,
                holdings: held,
                expectedStep: measured.steps.expected(planned: document.plan.stepTime),
                link: link,
                provesArithmetic: demand.isProofDue,
                machines: members.mapValues(\.machine)
            )
        } catch let error as OobleckError {
            return stop(error)
        } catch {
            return stop(OobleckError(.internalFault, "\(error)"))
        }
        if point != nil || startsOver {
            for node in members.keys { members[node]?.forget() }
        }
        noteLoads(of: plan)
        lastGeneration = plan.generation
        phase = .reconfiguring(PendingPlan(plan: plan, since: now, restore: phase.restore))
        demand.isWanted = false
        demand.joins = JoinStorm()
        perform(.persist(.planned(document)))
        for worker in plan.recipients { send(.reconfigure(plan.reconfiguration), to: worker) }
        note(.publish(document))
        let planned = PlannedGeneration(
            generation: plan.generation,
            nodes: document.plan.nodes.count,
            pipelines: document.plan.pipelines.count,
            reason: document.reason,
            layout: document.plan.pipelines.map {
                plan.reconfiguration.workers(of: $0).map(\.node)
            }
        )
        log(.planned(planned))
    }

    mutating func receive(_ report: PreparationReport, from worker: WorkerID, now: Seconds) {
        guard case .reconfiguring(let pending) = phase,
            pending.plan.generation == report.generation
        else { return dropStale() }
        guard pending.plan.layersByWorker[worker] != nil else { return }
        phase.whileReconfiguring { $0.reports[worker] = report }
        noteCopy(report)
        activateIfPrepared(now: now)
    }

    mutating func activateIfPrepared(now: Seconds) {
        guard isolation == nil, let pending, pending.overdue.isEmpty,
            !loseDisproved(pending.reports, now: now),
            !loseStragglers(pending.reports, now: now)
        else { return }
        activate(pending, now: now)
    }

    /// Puts a prepared plan into force.
    private mutating func activate(_ prepared: PendingPlan, now: Seconds) {
        let isFirst = plan == nil
        let plan = prepared.plan
        if plan.restoredStep == nil { perform(.persist(.inForce(plan.generation))) }
        self.plan = plan
        demand.isProofDue = false
        if !isFirst { account.reconfigurations += 1 }
        if !knownBugs.contains(.holdingsNotUpdatedOnResume) { noteHoldings(under: plan) }
        let preparation = PreparationSummary(prepared.reports.values)
        completeRestore(of: prepared, preparation, now: now)
        start.newcomers = nil
        log(.prepared(plan.generation, nodes: plan.nodes.count))
        let evaluates =
            isEvaluationDue(after: committedSteps)
            && (isFirst || !knownBugs.contains(.evaluationsSkipped))
        let tally = StepTally(step: committedSteps, started: now)
        phase = .training(TrainingState(tally: tally, preparation: preparation))
        guard committedSteps < job.training.steps || evaluates else {
            return beginCollection(now: now)
        }
        let staying = plan.recipients.filter { !isLeaving($0.node, plan) }
        if evaluates {
            beginEvaluation(on: staying, of: plan)
        } else {
            for worker in staying {
                send(.resume(generation: plan.generation, step: committedSteps), to: worker)
            }
        }
        for node in usableNodes where isLeaving(node, plan) { release(node) }
        troubles.slowness.measuredFrom = committedSteps + 1
        // The workers compute now; the answers to the next losses are ready when they are asked for.
        reconfigurator.prepareForLosses(nodes: usableNodes.count)
    }

    private func isLeaving(_ node: NodeID, _ plan: CoordinatorPlan) -> Bool {
        members[node]?.isDraining == true && !plan.nodes.contains(node)
    }

    /// Every worker holds what the plan that comes into force gives it.
    private mutating func noteHoldings(under plan: CoordinatorPlan) {
        for (node, member) in members {
            for device in member.workers.indices {
                let layers = plan.layersByWorker[WorkerID(node, device: device)] ?? []
                members[node]?.workers[device].holdings = Set(layers)
            }
        }
    }

    /// Passes a key of a group's rendezvous on to all others of its generation.
    mutating func relay(_ rendezvous: Rendezvous, from worker: WorkerID) {
        guard phase.isUnderPlan, let plan = newestPlan, plan.generation == rendezvous.generation,
            plan.recipients.contains(worker)
        else { return dropStale() }
        for other in plan.recipients
        where other != worker && members[other.node]?.isAlive == true {
            send(.rendezvous(rendezvous), to: other)
        }
    }

    private mutating func noteCoverage(_ isCovered: Bool, _ document: PlanDocument) {
        defer { demand.coversFaultTolerance = isCovered }
        guard !isCovered, demand.coversFaultTolerance else { return }
        let lost = job.cluster.faultTolerance
        log(.warning(.notCovered(nodes: document.plan.nodes.count, losses: lost)))
    }
}
