import OobleckCoordination
import OobleckCore

/// Watches a simulated world, and complains of everything that must not be.
///
/// It keeps an account of its own, from what is said on the wire and what workers really hold, and
/// shares no state with the coordinator:
/// - a step is recorded once, in order, only after every node of the plan in force has voted for it
///   in its generation, with the undisturbed run's loss and norm; and committed only when recorded;
/// - generations only rise, for the run and for each worker;
/// - every layer has a copy in each pipeline, really, when a step is recorded;
/// - nobody who is out is sent anything or planned for;
/// - the run ends as the undisturbed one, or for a reason that holds.
package struct WorldJudge: Sendable {
    /// A plan that was sent, and what follows from it.
    struct KnownPlan {
        let plan: ExecutionPlan
        let nodes: [NodeID]
        let workers: [WorkerID]
        let layersByWorker: [WorkerID: [Int]]
        var generation: Generation { plan.generation }
    }

    /// Steps take some hundredths of a second, and no wait lasts longer.
    private static let longestTime: Seconds = 1000

    package private(set) var complaints: [String] = []
    package private(set) var ledger: [CommittedStep] = []
    /// What was found of each state that counts.
    private(set) var evaluations: [Int: RecordedEvaluation] = [:]
    /// Every evaluation that was recorded.
    private var everEvaluated: Set<RecordedEvaluation> = []
    /// Every step that was recorded, also those that a return to a checkpoint took back.
    private(set) var history: Set<CommittedStep> = []
    /// The ledger's chain so far.
    var lines: [LedgerChain.Line] = []
    private(set) var plans: [Generation: KnownPlan] = [:]
    /// How often the run went back to a checkpoint.
    package private(set) var restores = 0
    private(set) var newestRestore: RestoredRun?
    package private(set) var recoveries: [RecoveryRecord] = []
    /// Kinds of events that the coordinator logged.
    package private(set) var eventKinds: Set<RunEvent.Kind> = []
    private(set) var chunks: [Int: (generation: Generation, bytes: [UInt8])] = [:]
    /// Nodes that are out, that were let go, and workers that were ready.
    private(set) var out: Set<NodeID> = []
    private(set) var released: Set<NodeID> = []
    private var ready: Set<WorkerID> = []
    private var newest = Generation(-1)
    private var resumedGeneration: Generation?
    private var started: Set<WorkerID> = []
    private var prepared: [Generation: Set<WorkerID>] = [:]
    private var votes: [WorkerID: (generation: Generation, step: Int)] = [:]
    private var commits: [WorkerID: Int] = [:]
    /// What is known of nodes that are slow, damaged, or new.
    var speeds = SpeedJudgement()
    var damage = DamageJudgement()
    var joins = JoinJudgement()
    /// Whether nodes were told to leave because training diverged.
    private(set) var hasToldDivergence = false
    /// Nodes that someone asked to leave.
    private var drained: Set<NodeID> = []
    let setup: WorldSetup
    let reference: ToyModel.Reference

    init(_ setup: WorldSetup) {
        self.setup = setup
        reference = ToyModel.shared.reference(
            steps: setup.steps,
            wrongNumbers: setup.wrongNumbers
        )
    }

    mutating func complain(_ what: String) {
        // One is enough to look into; a broken world has hundreds.
        if complaints.count < 20 { complaints.append(what) }
    }

    // MARK: What the coordinator hears

    mutating func heard(_ event: CoordinatorEvent, now: Double) {
        if case .drainRequested(let node) = event { drained.insert(node) }
        guard case .worker(let worker, let message) = event, !out.contains(worker.node) else {
            return
        }
        switch message {
        case .ready:
            ready.insert(worker)
            joins.heardReady(worker, devices: setup.devices, now: Seconds(now))
        case .prepared(let report): prepared[report.generation, default: []].insert(worker)
        case .resumed(let generation, _):
            if generation == resumedGeneration { started.insert(worker) }
        case .vote(let vote):
            // A vote that comes once more takes no later one back.
            let before = votes[worker] ?? (Generation(-1), -1)
            votes[worker] =
                before < (vote.generation, vote.step) ? (vote.generation, vote.step) : before
            if vote.generation == resumedGeneration { started.insert(worker) }
            if before < (vote.generation, vote.step) { damage.heard(vote, from: worker) }
        default: break
        }
    }

    mutating func admitted(
        _ node: NodeID,
        _ process: SimulatedProcess,
        name: String,
        now: Double
    ) {
        if holders[node] == nil {
            machines.joined(node, name, now: now).map { complain($0) }
        } else {
            machines.returned(node, name)
        }
        let before = holders.updateValue(ObjectIdentifier(process), forKey: node)
        if let before, before != ObjectIdentifier(process) {
            complain("node number \(node) is given twice")
        }
    }

    /// The agent that has each number.
    private var holders: [NodeID: ObjectIdentifier] = [:]
    /// Whether the run was stopped on request and resumed.
    private var wasStopped = false

    // MARK: What it does

    mutating func sent(_ message: CoordinatorMessage, to worker: WorkerID, now: Double) {
        if out.contains(worker.node) { complain("a message to node \(worker), which is out") }
        switch message {
        case .reconfigure(let plan): planned(plan, now: now)
        case .abort: joins.aborted()
        case .stop(let reason) where reason.hasPrefix("training diverged"): hasToldDivergence = true
        case .resume(let generation, let step), .evaluate(let generation, let step):
            resumed(generation, step: step)
        case .commit(let commit): committed(commit, worker)
        default: break
        }
    }

    /// What the next coordinator is told.
    mutating func kept(_ change: DurableChange, decided: Double) {
        switch change {
        case .left(let node, let hasFailed, let state):
            if !hasFailed { released.insert(node) }
            if state == .drained, !drained.contains(node) {
                complain("node \(node) is let go, and nobody asked for that")
            }
            if state == .dead { machines.died(node, now: decided) }
        case .ranOutOfMemory(let failure): machines.ranOutOfMemory(failure)
        default: break
        }
    }

    /// Something is said to a node.
    mutating func said(byDeposed isDeposed: Bool) {
        if isDeposed { complain("a coordinator that leads no more speaks to a node") }
    }

    /// Whether the machine with the ledger ever lost power.
    private(set) var hasLostPower = false
    /// What is known of machines by name.
    private var machines = MachineAccount()

    private mutating func planned(_ plan: Reconfiguration, now: Double) {
        guard plan.generation != newest else {
            if plans[newest]?.plan != plan.plan {
                complain("generation \(newest) is given out twice, for different plans")
            }
            return
        }
        if plan.generation < newest {
            complain("generation \(plan.generation) follows \(newest)")
        }
        newest = plan.generation
        if let what = joins.planned(plan, now: Seconds(now)), !mayChangePlan { complain(what) }
        let known = KnownPlan(
            plan: plan.plan,
            nodes: plan.plan.nodes,
            workers: plan.layersByWorker.keys.sorted(),
            layersByWorker: plan.layersByWorker
        )
        plans[plan.generation] = known
        if !(0...Self.longestTime).contains(plan.expectedStep) {
            complain("plan \(plan.generation) expects a step of \(plan.expectedStep.value) s")
        }
        let dead = known.nodes.filter { out.contains($0) }
        if !dead.isEmpty { complain("plan \(plan.generation) uses nodes \(dead), which are out") }
        for (node, layers) in plan.layersByNode {
            machines.given(layers, node).map { complain($0) }
        }
        if plan.restore != nil {
            let isLost = !lostLayers.isEmpty || damage.isFound && mayLoseToDamage
            if plan.committedSteps > ledger.count || !isLost && !ledger.isEmpty {
                complain("plan \(plan.generation) goes back although every layer is held")
            }
        } else if plan.committedSteps == 0, wasStopped,
            !lostLayers.isEmpty || damage.isFound && mayLoseToDamage
        {
            // Nobody holds the state: a run that is resumed may begin again.
        } else if plan.committedSteps != ledger.count {
            complain(
                "plan \(plan.generation) follows step \(plan.committedSteps) of \(ledger.count)"
            )
        }
        if plan.plan.pipelines.reduce(0, { $0 + $1.microbatches }) != ToyModel.microbatchCount {
            complain("plan \(plan.generation) does not run each microbatch once")
        }
    }

    private mutating func resumed(_ generation: Generation, step: Int) {
        guard generation != resumedGeneration, let plan = plans[generation] else { return }
        resumedGeneration = generation
        started = []
        let missing = Set(plan.workers).subtracting(prepared[generation] ?? [])
        if !missing.isEmpty { complain("resume although nodes \(missing) are not prepared") }
        if step != ledger.count { complain("resume at step \(step) of \(ledger.count)") }
    }

    private mutating func committed(_ commit: StepCommit, _ worker: WorkerID) {
        guard let last = ledger.last, last.step == commit.step else {
            return complain("commit of step \(commit.step), which is not in the ledger")
        }
        if last.generation != commit.generation { complain("commit of another generation") }
        if commits[worker, default: -1] >= commit.step {
            complain("step \(commit.step) is committed twice to node \(worker)")
        }
        commits[worker] = commit.step
        joins.paused(commit)
    }

    mutating func recorded(_ step: CommittedStep, nodes: [NodeID: SimulatedNode], now: Double) {
        let number = step.step
        if number != ledger.count { complain("step \(number) recorded after \(ledger.count)") }
        if let last = ledger.last, last.generation > step.generation {
            complain("step \(number) of generation \(step.generation) after \(last.generation)")
        }
        ledger.append(step)
        let isProven = !history.insert(step).inserted && hasLostPower
        lines.append(LedgerChain.line(.step(step), after: lines.last))
        guard number < setup.steps else { return complain("step \(number) is too many") }
        if !isSame(step.loss, reference.losses[number])
            || !isSame(step.gradientNorm, reference.norms[number])
            || (step.skipped != nil) != skips(number)
        {
            complain("step \(number) differs from the undisturbed run")
        }
        if let divergence, number >= divergence, !hasLostPower {
            complain("step \(number) is recorded, and training diverged in \(divergence)")
        }
        if isEvaluated(after: number), evaluations[number] == nil {
            complain("step \(number) is recorded, and the state before it was not evaluated")
        }
        // Workers prove what was recorded before, and lost with the machine's power.
        guard !isProven else { return }
        guard let plan = plans[step.generation], step.generation == resumedGeneration else {
            return complain("step \(number) of generation \(step.generation), not in force")
        }
        for worker in plan.workers {
            let vote = votes[worker]
            let isOut = out.contains(worker.node)
            if vote?.generation != step.generation || vote?.step != number || isOut {
                complain("step \(number) recorded without a vote of node \(worker)")
            }
        }
        checkCopies(plan, step: number, nodes)
        let findings = [
            damage.recorded(step, plan.workers), speeds.recorded(step, plan),
            joins.recorded(
                pipelines: plan.plan.pipelines.count,
                wanted: setup.faultTolerance + 1,
                usable: usableNodes.filter { nodes[$0]?.isWorking == true },
                needed: (setup.faultTolerance + 1) * setup.minimumNodes,
                now: Seconds(now)
            ),
        ]
        for what in findings.compactMap({ $0 }) { complain(what) }
    }

    /// Whether the state after `steps` committed steps has to be evaluated.
    private func isEvaluated(after steps: Int) -> Bool {
        setup.evaluationPeriod.map { steps % $0 == 0 || steps == setup.steps } ?? false
    }

    /// A state was evaluated: one that is due, once, by the plan in force, with the undisturbed run's loss.
    mutating func evaluated(_ recorded: RecordedEvaluation) {
        let step = recorded.step
        lines.append(LedgerChain.line(.evaluation(recorded), after: lines.last))
        guard step == ledger.count, isEvaluated(after: step) else {
            return complain("the state after \(step) is evaluated, \(ledger.count) are committed")
        }
        if evaluations.updateValue(recorded, forKey: step) != nil {
            complain("the state after \(step) is evaluated twice")
        }
        let last = reference.states[step][ToyModel.layerCount - 1]
        var sum = (0..<ToyModel.microbatchCount).reduce(0) {
            $0 + ToyModel.validationLoss(last, microbatch: $1)
        }
        if setup.wrongNumbers[step]?.spoilsEvaluation == true { sum = .nan }
        if !isSame(recorded.loss, sum / Double(ToyModel.microbatchCount)) {
            complain("the evaluation after \(step) differs from the undisturbed run's")
        }
        // The store may have what the ledger lost with the machine's power.
        let isKnown = !everEvaluated.insert(recorded).inserted && hasLostPower
        if recorded.generation != resumedGeneration, !isKnown {
            complain("the evaluation after \(step) is of a generation that is not in force")
        }
    }

    /// Every layer is held, really, once in each pipeline, after as many steps as are committed.
    private mutating func checkCopies(
        _ plan: KnownPlan,
        step: Int,
        _ nodes: [NodeID: SimulatedNode]
    ) {
        var copies = Array(repeating: 0, count: ToyModel.layerCount)
        for worker in plan.workers {
            let held = nodes[worker.node]?.workers[worker.device].logic.layers ?? [:]
            for (layer, state) in held where state.steps == step {
                copies[layer] += 1
            }
        }
        for layer in copies.indices where copies[layer] < plan.plan.pipelines.count {
            complain("layer \(layer) has \(counted(copies[layer], "copy")) at step \(step)")
        }
    }

    /// The run goes back to a checkpoint: what was committed after it counts no more.
    mutating func restored(_ restored: RestoredRun) {
        restores += 1
        newestRestore = restored
        guard restored.step <= ledger.count else {
            return complain("restored step \(restored.step) of \(ledger.count)")
        }
        ledger.removeLast(ledger.count - restored.step)
        evaluations = [:]
        lines.append(LedgerChain.line(.restored(restored), after: lines.last))
        commits = commits.mapValues { min($0, restored.step - 1) }
    }

    /// Layers that no node which is not out holds under the last plan in force.
    var lostLayers: [Int] {
        let held = Set(
            (inForce?.layersByWorker ?? [:]).filter { !out.contains($0.key.node) }.values.joined()
        )
        return (0..<ToyModel.layerCount).filter { !held.contains($0) }
    }

    /// The run was stopped on request, and is resumed: what it says is saved, is.
    mutating func stopped(_ outcome: RunOutcome?, disk: SimulatedDisk) {
        wasStopped = true
        guard case .stopped(let error) = outcome else { return }
        let isSaved = disk.published[ledger.count] != nil
        if error.message.hasSuffix("its state is saved"), !isSaved {
            complain("step \(ledger.count) is said to be saved, and is not")
        }
    }

    /// Another coordinator takes over: what was told to somebody may be told once more.
    mutating func restarted(_ state: DurableState) {
        commits = [:]
        recoveries = state.recoveries
        machines.restart()
        speeds.restart()
        joins.restart(state.nodes.keys)
        out.formUnion(state.nodes.filter(\.value.isOut).keys)
        if let newest = state.lastGeneration, newest < self.newest, !hasLostPower {
            complain("generation \(self.newest) was given out and not kept")
        }
    }

    /// The machine with the ledger lost power, and these lines are left; what was only said to have been
    /// kept may be forgotten.
    mutating func lostPower(_ entries: [HistoryEntry]) {
        hasLostPower = true
        (ledger, lines, evaluations, newestRestore) = ([], [], [:], nil)
        for entry in entries {
            lines.append(LedgerChain.line(entry, after: lines.last))
            switch entry {
            case .step(let step): ledger.append(step)
            case .restored(let restored):
                ledger.removeLast(ledger.count - restored.step)
                (evaluations, newestRestore) = ([:], restored)
            case .evaluation(let recorded): evaluations[recorded.step] = recorded
            case .arithmetic: break
            }
        }
        (out, released, holders) = ([], [], [:])
        machines.losePower()
    }

    /// The session of a worker is closed: what was told to it may be told once more.
    mutating func closed(_ worker: WorkerID) { commits[worker] = nil }

    mutating func fenced(_ node: NodeID) {
        out.insert(node)
        joins.aborted()
    }

    mutating func recovered(_ record: RecoveryRecord) {
        recoveries.append(record)
        let times = [record.detect, record.decide, record.rebuild, record.transfer, record.total]
        if let wrong = times.first(where: { !(0...Self.longestTime).contains($0) }) {
            complain("recovered with a time of \(wrong.value) s")
        }
        for node in record.lostNodes where !out.contains(node) {
            complain("recovered from the loss of node \(node), which is not out")
        }
    }

    mutating func logged(_ event: RunEvent) {
        eventKinds.insert(event.kind)
        let wrong: String? =
            switch event.content {
            case .slow(let node, let slowness): speeds.said(node, factor: slowness?.factor)
            case .setAside(let node, let slowness, _, _):
                speeds.blame(node, factor: slowness.factor)
            case .rebalanced: speeds.blameForPlan
            case .damaged(let found): damage.said(found)
            case .nodeLost(let node, let cause): damage.blame(node, cause)
            default: nil
            }
        if let wrong { complain("\(wrong): \(event.message)") }
    }

    mutating func stored(_ chunk: LayerChunk) {
        if let before = chunks[chunk.layer], before.generation >= chunk.generation {
            chunks[chunk.layer]?.bytes += chunk.bytes
        } else {
            chunks[chunk.layer] = (chunk.generation, chunk.bytes)
        }
    }

    // MARK: What follows from it

    /// The plan that all of its nodes have begun to train under; nothing while another is on its
    /// way.
    var trainingPlan: KnownPlan? {
        guard let plan = inForce, plan.generation == newest,
            started.isSuperset(of: plan.workers)
        else { return nil }
        return plan
    }

    var inForce: KnownPlan? { resumedGeneration.flatMap { plans[$0] } }

    /// Nodes that a plan could use wherever it wants.
    var usableNodes: [NodeID] {
        ready.nodes.filter { node in
            (0..<setup.devices).allSatisfy { ready.contains(WorkerID(node, device: $0)) }
        }
        .filter {
            !out.contains($0) && !released.contains($0) && !machines.isLimited($0)
        }
    }
}
