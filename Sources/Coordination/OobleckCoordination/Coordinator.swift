import OobleckCore
import OobleckReconfiguration

/// Decides membership, plans and commits of one run.
///
/// A value: events and the time go in, directives come out, in the order in which they are to be
/// performed. It has no clock, no randomness, no files and no `async`; its shell has.
///
/// What it keeps up, whatever happens:
/// - A step commits for all or for none. Its commit is sent only when every node of the plan has
///   voted for it, and to each worker before anything that ends the generation.
/// - A layer's state is copied only from nodes that hold it after the last committed step. A node
///   holds what the plan in force gives it, from the `resume` of that plan to the next.
/// - Generations only grow. A message of another generation or step, or of a node that is dead or
///   gone, is dropped and counted.
/// - Every wait ends: by ``Deadlines``, all derived from one detection budget and the step times.
///
/// What it relies on: messages to one worker keep their order, and so do a worker's messages here.
/// A worker replaces a layer named in a transfer to it even if it has one, trusts what it holds of
/// its other layers, and on `resume` drops all that the plan does not give it.
package struct Coordinator: Sendable {
    let job: JobSpecification
    let profile: ModelProfile
    var reconfigurator: Reconfigurator

    /// What the run is doing, with the state that belongs to it.
    var phase = CoordinatorPhase.starting(nil)
    var members: [NodeID: CoordinatorMember] = [:]
    var agreed = Agreement()
    var attendance = Attendance()
    /// The newest step that counts, and the generation of the newest return to a checkpoint.
    var lastCommit: CommittedStep?
    var restoredGeneration: Generation?
    /// Whether nodes may look for another coordinator once they have not heard this one for a budget.
    package var hasStandby = false

    /// The newest generation given out.
    var lastGeneration: Generation?
    /// The plan in force, or the last one that was, while another is being prepared.
    var plan: CoordinatorPlan?
    var demand = PlanDemand()

    var committedSteps = 0
    var lastEvaluation: RecordedEvaluation?
    var troubles: TroubleAccounts
    /// Set while more than f nodes are silent at once.
    var isolation: Isolation?
    var checkpoints = CheckpointProgress()
    var start = RunStart()
    /// How many coordinators the run has had, this one included.
    var term = 1
    /// Whether nodes may come that the run did not start itself.
    package var awaitsOthers = true
    var returns = UnansweredReturns()
    /// Set once someone has asked that the run ends.
    var stopping: StopRequest?

    var recovery = RecoveryTimes()
    var account = RunAccount()
    var measured = MeasuredTimes()
    /// Messages that were dropped: of a past generation or step, or of a node that is out.
    package internal(set) var staleMessages = 0

    /// Put back in by tests.
    var knownBugs: KnownBugs = []

    private var outbox = Outbox()

    /// A coordinator of `job`, before any node has joined.
    ///
    /// It starts from the seed, or from a checkpoint `point` when the ledger has `committed` steps
    /// that count; those behind the checkpoint are done again.
    package init(
        job: JobSpecification,
        profile: ModelProfile,
        reconfigurator: Reconfigurator,
        startingFrom point: RestorePoint? = nil,
        committed: Int = 0
    ) {
        self.job = job
        self.profile = profile
        self.reconfigurator = reconfigurator
        let budget = job.cluster.detectionBudget
        troubles = TroubleAccounts(quarantine: Quarantine(budget: budget))
        if let point {
            committedSteps = max(committed, point.step)
            phase = .starting(
                PendingRestore(
                    since: 0,
                    reason: "the run is started from a checkpoint",
                    search: .found(point)
                )
            )
        }
    }

    /// Nodes that the run is planned for.
    package var expectedNodes: Int { job.cluster.nodes }

    /// Devices of each node, each with a worker of its own.
    package var devicesPerNode: Int { job.cluster.workersPerNode }

    /// Silence that is taken for a loss.
    package var detectionBudget: Seconds { job.cluster.detectionBudget }

    /// How long nodes wait for another coordinator when this one is gone.
    package var coordinatorWait: Seconds {
        job.cluster.coordinatorWait ?? ClusterSpecification.defaultCoordinatorWait
    }

    /// What nodes are told to compute for; `nil` is whatever each finds.
    package var cpuLevel: CPULevel? { job.cluster.cpuLevel }

    /// Takes an event at the monotonic time `now`, and returns what to do, in order.
    ///
    /// What workers wait for comes before what only people read.
    package mutating func handle(
        _ event: CoordinatorEvent,
        now: Seconds
    ) -> [CoordinatorDirective] {
        guard outcome == nil else { return [] }
        attendance.started = attendance.started ?? now
        phase.whileReconnecting { $0.since = $0.since ?? now }
        switch event {
        case .agentJoined(let node, let pid): agentJoined(node, pid: pid, now: now)
        case .workerJoined(let worker, let pid): workerJoined(worker, pid: pid, now: now)
        case .agentReturned(let node, let pid): agentReturned(node, pid: pid, now: now)
        case .workerReturned(let worker, let pid, let testimony):
            workerReturned(worker, pid: pid, testimony, now: now)
        case .worker(let worker, let message): receive(message, from: worker, now: now)
        case .nodeLost(let node, let evidence):
            let cause = LossCause.reported(evidence: evidence)
            lose([LostNode(id: node, cause: cause, firstSign: nil)], now: now)
        case .agentEnded(let node, let evidence): agentEnded(node, evidence: evidence, now: now)
        case .dropped: callBack(now: now)
        case .sessionEnded(let worker, let side): sessionEnded(worker, side, now: now)
        case .outOfMemory(let node, let evidence):
            ranOutOfMemory(node, evidence: evidence, now: now)
        case .agentHeard(let node): heardAgent(of: node, now: now)
        case .workerHeard(let worker): heard(worker, now: now)
        case .drainRequested(let node): drain(node)
        case .stopRequested(let reason): requestStop(reason, now: now)
        case .endRequested(let reason): endNow(reason)
        case .saveRequested: requestSave()
        case .checkpoint(let outcome): receive(outcome, now: now)
        case .storageRestored(let wait): storageRestored(after: wait, now: now)
        case .tick: tick(now: now)
        }
        settleStop()
        defer { outbox = Outbox() }
        return outbox.all(endingWith: outcome)
    }

    private mutating func receive(_ message: WorkerMessage, from worker: WorkerID, now: Seconds) {
        guard members[worker.node]?.isAlive == true, known(worker)?.pid != nil else {
            return dropStale()
        }
        heard(worker, now: now)
        switch message {
        case .ready(let corpus, let model, let arithmetic, let validation):
            ready(
                worker,
                ReadDigests(corpus: corpus, model: model, validation: validation),
                arithmetic,
                now: now
            )
        case .prepared(let report): receive(report, from: worker, now: now)
        case .resumed(let generation, _): receiveResumed(generation, from: worker, now: now)
        case .vote(let vote): receive(vote, from: worker, now: now)
        case .evaluated(let report): receive(report, from: worker, now: now)
        case .faulted(let generation, let message, let findings):
            receiveFault(generation, message: message, findings, from: worker, now: now)
        case .failed(let status, let message):
            stop(OobleckError(Self.code(status), "node \(worker): \(message)"))
        case .rendezvous(let rendezvous): relay(rendezvous, from: worker)
        case .digests(let generation, let digests):
            receive(digests, generation: generation, from: worker, now: now)
        case .layerChunk(let chunk): receive(chunk, from: worker, now: now)
        case .shard(let report): receive(report, from: worker, now: now)
        case .restoreFailed(let failure): receive(failure, from: worker.node, now: now)
        }
    }

    private mutating func tick(now: Seconds) {
        checkSilence(now: now)
        checkStop(now: now)
        guard isolation == nil, outcome == nil else { return }
        // One check may end a phase, and the next one is of the phase that follows.
        if phase.kind == .reconnecting { checkReturn(now: now) }
        if phase.kind == .starting { startIfPossible(isEvent: false, now: now) }
        checkPreparation(now: now)
        checkStep(now: now)
        checkGrace(now: now)
        checkCollection(now: now)
        checkWait(now: now)
        checkSave(now: now)
    }

    private static func code(_ status: Int32) -> OobleckError.Code {
        let known: [OobleckError.Code] = [
            .usage, .inputData, .noPlan, .internalFault, .storage, .outOfNodes,
        ]
        return known.first { $0.exitStatus == status } ?? .internalFault
    }
}

extension Coordinator {
    /// The generation that messages have to carry now.
    var activeGeneration: Generation? { newestPlan?.generation }

    /// Counts a message that is not acted on.
    mutating func dropStale() { staleMessages += 1 }

    mutating func perform(_ directive: CoordinatorDirective) { outbox.perform(directive) }

    mutating func send(_ message: CoordinatorMessage, to worker: WorkerID) {
        outbox.perform(.send(worker, message))
    }

    /// What is known of a worker; `nil` where there is no such node or device.
    func known(_ worker: WorkerID) -> MemberWorker? {
        guard let workers = members[worker.node]?.workers, workers.indices.contains(worker.device)
        else { return nil }
        return workers[worker.device]
    }

    /// The workers of a node that have connected, by device.
    func connectedWorkers(of node: NodeID) -> [WorkerID] {
        guard let workers = members[node]?.workers else { return [] }
        return workers.indices.filter { workers[$0].pid != nil }.map { WorkerID(node, device: $0) }
    }

    /// Done after everything that workers wait for.
    mutating func note(_ directive: CoordinatorDirective) { outbox.note(directive) }

    mutating func log(_ content: RunEvent.Content) { outbox.note(.log(event(content))) }

    /// Ends the run before its last step.
    mutating func stop(_ error: OobleckError) {
        guard outcome == nil else { return }
        dropSave()
        sendStop(reason: error.message)
        log(.stopped(reason: error.message))
        phase = .ended(.stopped(error))
    }

    /// Ends the run as it should end.
    mutating func finish(layerDigests: [String]) {
        dropSave()
        sendStop(reason: "training is complete")
        log(.finished)
        phase = .ended(.completed(layerDigests: layerDigests, finalLoss: account.lastLoss))
    }

    private mutating func sendStop(reason: String) {
        for node in members.keys.sorted() where members[node]?.isAlive == true {
            for worker in connectedWorkers(of: node) {
                outbox.bid(.send(worker, .stop(reason: reason)))
            }
        }
    }
}
