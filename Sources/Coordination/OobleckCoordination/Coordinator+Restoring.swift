import OobleckCore
import OobleckReconfiguration

/// A restarted coordinator's wait for the processes of its run.
struct Reconnection: Sendable {
    /// Agents that are to come back, by node.
    var agents: [NodeID: Int]
    /// Workers that are to come back: all of a node with a part in a plan that a worker may know.
    var workers: Set<WorkerID>
    /// The newest plan, whether or not it came into force.
    var planned: PlanDocument?
    /// The newest committed step.
    var committed: CommittedStep?
    /// The generation that went back to a checkpoint last: what is of an earlier one counts no more.
    var restored: Generation?
    /// How long to wait for all of them.
    let patience: Seconds
    /// The return to a checkpoint that had begun.
    var restore: PendingRestore?
    /// When the first event came.
    var since: Seconds?
    var testimonies: [WorkerID: WorkerTestimony] = [:]

    /// The testimonies, without what is of before the newest return to a checkpoint.
    var validTestimonies: [WorkerID: WorkerTestimony] {
        guard let restored else { return testimonies }
        return testimonies.mapValues { testimony in
            var valid = testimony
            if testimony.adopted.map({ $0 < restored }) ?? false {
                (valid.layers, valid.steps, valid.votedStep) = ([], 0, nil)
                valid.commits = []
            }
            return valid
        }
    }
}

/// After a restart: agents and workers have kept their processes and state, and come back with a
/// testimony of what they hold.
///
/// When all are back, or the time for it is up, every worker is brought to the newest committed
/// step, the generation that they all were in is ended, and the next one begins with the step that
/// nobody can prove committed. A step in flight is done again; a committed one never.
extension Coordinator {
    /// A coordinator that goes on with a run from what an earlier one kept.
    ///
    /// Its nodes are waited for longer when it `takesOver`: from one that may only be frozen.
    /// `savedStep` is that of the newest checkpoint, if there is one.
    ///
    /// Throws when the state does not fit the job.
    package init(
        restoring state: DurableState,
        takesOver: Bool = false,
        savedStep: Int? = nil,
        job: JobSpecification,
        profile: ModelProfile,
        reconfigurator: Reconfigurator
    ) throws {
        self.init(job: job, profile: profile, reconfigurator: reconfigurator)
        term = state.term
        lastGeneration = state.lastGeneration
        committedSteps = state.committedSteps
        account = RunAccount(restoring: state, globalBatch: job.training.globalBatch)
        troubles.memory = MemoryAccount(state.memoryFailures)
        checkpoints.savedStep = savedStep
        agreed.arithmetic = state.arithmetic
        lastCommit = state.committed
        troubles.skippedInARow = state.skippedInARow ?? 0
        // After a loss of power the ledger may be behind it.
        lastEvaluation = state.evaluated.flatMap { $0.step <= committedSteps ? $0 : nil }
        restoredGeneration = state.restored?.generation
        for (id, node) in state.nodes {
            var member = CoordinatorMember(devices: devicesPerNode)
            if node.isOut { member.life = .dead }
            member.ending = node.ending ?? .dead
            member.isDraining = node.isDraining
            members[id] = member
        }
        if let document = state.inForce {
            plan = try CoordinatorPlan(inForce: document, layers: profile.layers)
            self.reconfigurator.adopt(document.plan)
        }
        if let document = state.planned {
            noteLoads(of: try CoordinatorPlan(inForce: document, layers: profile.layers))
        }
        let living = state.nodes.filter { !$0.value.isOut }
        let involved = [state.inForce, state.planned].compactMap { $0 }.flatMap {
            $0.plan.nodes + $0.transfers.map(\.fromNode)
        }
        let devices = 0..<devicesPerNode
        let workers = Set(involved).intersection(living.keys).flatMap { node in
            devices.map { WorkerID(node, device: $0) }
        }
        phase = .reconnecting(
            Reconnection(
                agents: living.mapValues(\.agentPID),
                workers: Set(workers),
                planned: state.planned,
                committed: state.committed,
                restored: state.restored?.generation,
                patience: takesOver ? deadlines.takeover : deadlines.reconnection
            )
        )
        let decay = job.training.decaySteps.map {
            DecaySpan(steps: job.training.steps, decaySteps: $0)
        }
        log(.restarted(term: term, decay: decay))
    }

    /// Gives up on who is not back in time.
    ///
    /// Where more than f are not, or are back and have fallen silent, the likelier reason is that they do
    /// not reach this coordinator: they are waited for as long as if they had fallen silent together.
    mutating func checkReturn(now: Seconds) {
        guard let reconnection else { return }
        let since = reconnection.since ?? now
        finishReconnectingIfComplete(now: now)
        guard self.reconnection != nil else { return }
        let missing = missing(reconnection)
        let unheard = Set(missing).union(silentNodes(for: deadlines.suspicion, now: now))
        let patience =
            unheard.count > mostSilent
            ? max(reconnection.patience, deadlines.isolation) : reconnection.patience
        guard now - since > patience else { return }
        lose(
            missing.map { node in
                let isAgent = members[node]?.agentPID == nil || returns.agents.contains(node)
                let cause = LossCause.notBack(isAgent ? .agent : .worker, within: patience)
                return LostNode(id: node, cause: cause, firstSign: since)
            },
            now: now
        )
    }

    /// Nodes that are not completely back, in ascending order.
    private func missing(_ reconnection: Reconnection) -> [NodeID] {
        reconnection.agents.keys.sorted().filter { node in
            guard let member = members[node], member.isAlive else { return false }
            if member.agentPID == nil || returns.agents.contains(node) { return true }
            return reconnection.workers.contains { worker in
                worker.node == node
                    && (known(worker)?.pid == nil || returns.workers.contains(worker))
            }
        }
    }

    mutating func finishReconnectingIfComplete(now: Seconds) {
        guard let reconnection, missing(reconnection).isEmpty, outcome == nil else { return }
        phase = .deciding(reconnection.restore)
        let testimonies = reconnection.validTestimonies.filter {
            members[$0.key.node]?.isAlive == true
        }
        let newest = adoptProvenCommits(reconnection, Array(testimonies.values))
        guard testimonies.values.allSatisfy({ $0.steps <= committedSteps }) else {
            return stop(Self.gap(committedSteps, testimonies.values.map(\.steps)))
        }
        let adopted = testimonies.values.compactMap(\.adopted)
        let inForce = (adopted + [plan?.generation].compactMap { $0 }).max()
        if let planned = reconnection.planned, planned.plan.generation == inForce {
            takeForInForce(planned)
        }
        let known = testimonies.values.compactMap(\.generation)
        lastGeneration = (known + [lastGeneration].compactMap { $0 }).max()
        for (worker, testimony) in testimonies.sorted(by: { $0.key < $1.key }) {
            catchUp(worker, testimony, newest: newest, inForce: inForce)
        }
        let waited = now - (reconnection.since ?? now)
        log(.reconnected(.restarted(term: term, after: waited, workers: testimonies.count)))
        goOn(now: now)
    }

    private mutating func takeForInForce(_ document: PlanDocument) {
        do {
            plan = try CoordinatorPlan(inForce: document, layers: profile.layers)
            reconfigurator.adopt(document.plan)
        } catch let error as OobleckError {
            stop(error)
        } catch {
            stop(OobleckError(.internalFault, "\(error)"))
        }
    }

    /// Takes over the commits that workers can prove and the store does not know: after a power
    /// loss it may lack the newest.
    ///
    /// Returns the newest commit.
    private mutating func adoptProvenCommits(
        _ reconnection: Reconnection,
        _ testimonies: [WorkerTestimony]
    ) -> CommittedStep? {
        var newest = reconnection.committed
        let proven = testimonies.flatMap(\.commits).sorted { $0.step < $1.step }
        for record in proven where record.step == committedSteps {
            perform(.persist(.committed(record)))
            perform(.record(record))
            committedSteps += 1
            account.add(record, busy: [])
            newest = record
            lastCommit = record
            troubles.skippedInARow = record.skips(after: troubles.skippedInARow)
            log(.proven(step: record.step))
        }
        return newest
    }

    private static func gap(_ known: Int, _ steps: [Int]) -> OobleckError {
        OobleckError(
            .storage,
            "the ledger has \(known) steps, a worker has applied \(steps.max() ?? 0), and nobody can "
                + "prove those between"
        )
    }

    /// Brings a worker to the newest committed step, and ends the generation that it is in.
    private mutating func catchUp(
        _ worker: WorkerID,
        _ testimony: WorkerTestimony,
        newest: CommittedStep?,
        inForce: Generation?
    ) {
        var (layers, steps) = (testimony.layers, testimony.steps)
        if let prepared = testimony.prepared, let inForce, testimony.generation == inForce {
            // Others may have resumed, and dropped layers that are now here.
            send(.resume(generation: inForce, step: committedSteps), to: worker)
            (layers, steps) = (prepared, committedSteps)
        } else if let newest, testimony.votedStep == newest.step, steps == newest.step,
            testimony.adopted == newest.generation
        {
            send(.commit(job.commit(of: newest, pauses: true)), to: worker)
            steps = committedSteps
        }
        let isCurrent = steps == committedSteps
        members[worker.node]?.workers[worker.device].holdings = isCurrent ? Set(layers) : []
        end(testimony, on: worker)
    }

    mutating func end(_ testimony: WorkerTestimony, on worker: WorkerID) {
        guard let generation = testimony.generation else { return }
        send(.abort(generation: generation, reason: "the coordinator restarted"), to: worker)
    }

    private mutating func goOn(now: Seconds) {
        guard outcome == nil else { return }
        guard committedSteps > 0 else {
            phase = .starting(phase.restore)
            return startIfPossible(isEvent: true, now: now)
        }
        guard start.newcomers == nil || !usableNodes.isEmpty else {
            let what = "no node has kept the run's state"
            return waitForNodes(because: OobleckError(.outOfNodes, what), now: now)
        }
        guard committedSteps < job.training.steps || isEvaluationDue(after: committedSteps) else {
            return collectHeldLayers(now: now)
        }
        reconfigure(now: now)
    }
}
