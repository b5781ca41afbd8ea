import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// Runs the coordinator's decisions: one event at a time, in order of arrival, each with all its
/// directives performed before the next.
///
/// Works on a thread of its own queue, because recording writes files.
final class CoordinatorLoop: Sendable {
    private struct State {
        var coordinator: Coordinator
        var workers: [NodeID: Outbox<WorkerInstruction>] = [:]
        var agents: [NodeID: Outbox<AgentInstruction>] = [:]
        var fenced: Set<NodeID> = []
        /// Peers that let too many messages wait; given up after the event at hand.
        var overflowed: [NodeID] = []
        var shown = Seconds(-1)
        var beaten = Seconds(-1)
        var faults: CoordinatorFaultInjector
        var recordingFailure: OobleckError?
        var outcome: RunOutcome?
    }

    let detectionBudget: Seconds
    /// Yields how the run ended, once.
    let outcomes: AsyncStream<RunOutcome>

    private let outcomesContinuation: AsyncStream<RunOutcome>.Continuation
    private let queue = DispatchQueue(label: "oobleck.coordinator", qos: .userInteractive)
    private let state: Mutex<State>
    private let recording: any RunRecording
    private let mostAgents: Int
    private let store: any CoordinationStore
    private let onFence: @Sendable (NodeID) -> Void

    init(
        coordinator: Coordinator,
        detectionBudget: Seconds,
        recording: any RunRecording,
        mostAgents: Int,
        store: any CoordinationStore,
        faults: CoordinatorFaultInjector,
        onFence: @escaping @Sendable (NodeID) -> Void
    ) {
        state = Mutex(State(coordinator: coordinator, faults: faults))
        self.detectionBudget = detectionBudget
        self.recording = recording
        self.mostAgents = mostAgents
        self.store = store
        self.onFence = onFence
        (outcomes, outcomesContinuation) = AsyncStream.makeStream()
    }

    // MARK: Events

    /// Takes an event, and returns at once.
    func submit(_ event: CoordinatorEvent) {
        queue.async { self.state.withLock { self.process(event, &$0) } }
    }

    /// Takes an event, and returns when its directives are performed: a peer that sends more than
    /// can be recorded waits.
    func handle(_ event: CoordinatorEvent) async {
        await perform { self.process(event, &$0) }
    }

    func noteKill(_ node: NodeID, at time: Seconds) {
        queue.async { self.state.withLock { $0.coordinator.noteKill(node, at: time) } }
    }

    func status() async -> RunStatus {
        await perform { $0.coordinator.status(now: MonotonicTime.now) }
    }

    /// Whether some session is still open.
    func hasSessions() async -> Bool { await perform { !$0.agents.isEmpty || !$0.workers.isEmpty } }

    private func perform<Result: Sendable>(
        _ body: @escaping @Sendable (inout sending State) -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.state.withLock { body(&$0) }) }
        }
    }

    // MARK: Sessions

    /// Admits an agent, or takes back one that was in the run before a restart; returns its node
    /// and what it is to be sent.
    ///
    /// Throws why it is refused.
    func attachAgent(
        requested: NodeID?,
        name: String = "",
        pid: Int,
        isReturning: Bool = false
    ) async throws -> (NodeID, Outbox<AgentInstruction>) {
        let budget = detectionBudget
        let answer: Result<(NodeID, Outbox<AgentInstruction>), any Error> = await perform { state in
            Result {
                let outbox = Outbox<AgentInstruction>()
                if let node = requested, state.coordinator.awaits(agentPID: pid, of: node) {
                    // An attempt before this one, if any, was given up.
                    state.agents[node]?.close()
                    state.agents[node] = outbox
                    state.coordinator.noteName(of: node, name)
                    _ = outbox.add(.admitted(node, detectionBudget: budget))
                    self.process(.agentReturned(node, agentPID: pid), &state)
                    return (node, outbox)
                }
                guard !isReturning else {
                    throw Self.refusal("node \(requested ?? -1) is out")
                }
                guard state.agents.count < self.mostAgents else {
                    throw OobleckError(
                        .usage,
                        "there are \(state.agents.count) nodes; no more than \(self.mostAgents) fit"
                    )
                }
                let node = try state.coordinator.admit(
                    requested: requested,
                    name: name,
                    now: MonotonicTime.now
                )
                state.fenced.remove(node)
                state.agents[node] = outbox
                self.process(.agentJoined(node, agentPID: pid), &state)
                // Once the number is kept it can be told.
                _ = outbox.add(.admitted(node, detectionBudget: budget))
                return (node, outbox)
            }
        }
        return try answer.get()
    }

    /// Lets a node's worker in, and returns what it is to be sent.
    ///
    /// Throws why it is refused.
    func attachWorker(
        _ node: NodeID,
        pid: Int,
        testimony: WorkerTestimony? = nil
    ) async throws -> Outbox<WorkerInstruction> {
        let budget = detectionBudget
        let answer: Result<Outbox<WorkerInstruction>, any Error> = await perform { state in
            Result {
                guard state.outcome == nil else { throw Self.refusal("the run is over") }
                guard !state.fenced.contains(node) else {
                    throw Self.refusal("node \(node) is out")
                }
                if testimony != nil, state.coordinator.isConnected(workerPID: pid, of: node) {
                    throw Self.refusal("worker \(pid) has another session")
                }
                let outbox = Outbox<WorkerInstruction>()
                _ = outbox.add(.welcome(node, detectionBudget: budget))
                if testimony != nil, state.coordinator.awaits(workerPID: pid, of: node) {
                    // The attempt before this one was given up.
                    state.workers.removeValue(forKey: node)?.close()
                }
                // A second worker of one node: the decision puts the node out.
                if state.workers[node] == nil { state.workers[node] = outbox }
                let event =
                    testimony.map { CoordinatorEvent.workerReturned(node, workerPID: pid, $0) }
                    ?? .workerJoined(node, workerPID: pid)
                self.process(event, &state)
                guard state.workers[node] === outbox else {
                    throw Self.refusal("node \(node) is out")
                }
                return outbox
            }
        }
        return try answer.get()
    }

    private static func refusal(_ reason: String) -> OobleckError {
        OobleckError(.outOfNodes, "\(reason); nothing that it says counts")
    }

    /// Takes what a worker's session says; dropped when the node is out.
    func take(
        _ notice: WorkerNotice,
        from node: NodeID,
        _ outbox: Outbox<WorkerInstruction>
    ) async {
        await perform { state in
            guard state.workers[node] === outbox else { return }
            switch notice {
            case .heartbeat: self.process(.workerHeard(node), &state)
            case .message(let message): self.process(.worker(node, message), &state)
            }
        }
    }

    /// Takes what an agent's session says; dropped when the node is out.
    func take(_ notice: AgentNotice, from node: NodeID, _ outbox: Outbox<AgentInstruction>) async {
        await perform { state in
            guard state.agents[node] === outbox else { return }
            switch notice {
            case .heartbeat: self.process(.agentHeard(node), &state)
            case .workerExited(let evidence, let isOutOfMemory):
                let event: CoordinatorEvent =
                    isOutOfMemory
                    ? .outOfMemory(node, evidence: evidence) : .nodeLost(node, evidence: evidence)
                self.process(event, &state)
            case .leaving: self.process(.drainRequested(node), &state)
            }
        }
    }

    /// A node says more than it may: it is out, like one that is lost.
    func expel(_ node: NodeID, evidence: String) async {
        await perform { self.process(.nodeLost(node, evidence: evidence), &$0) }
    }

    /// How long the agent of a worker whose connection ended has to say why, before the node is lost
    /// without a reason.
    ///
    /// It says so within some milliseconds; only where it is stopped as well all of this time passes.
    private var reasonWait: Seconds { Deadlines(budget: detectionBudget).grace }

    /// A worker's session is over.
    ///
    /// Told only if it is the node's, and the node was not put out before.
    func detach(worker node: NodeID, _ outbox: Outbox<WorkerInstruction>) {
        outbox.close()
        queue.async {
            self.state.withLock { state in
                guard state.workers[node] === outbox else { return }
                state.workers[node] = nil
                let event = CoordinatorEvent.sessionEnded(node, .worker)
                // One that only tried to come back may try again at once.
                guard state.agents[node] != nil, !state.coordinator.isReconnecting else {
                    return self.process(event, &state)
                }
                let end = DispatchTime.now() + self.reasonWait.value
                self.queue.asyncAfter(deadline: end) {
                    self.state.withLock { self.process(event, &$0) }
                }
            }
        }
    }

    /// An agent's session is over.
    ///
    /// Told only if it is the node's, and the node was not put out before.
    func detach(agent node: NodeID, _ outbox: Outbox<AgentInstruction>) {
        outbox.close()
        queue.async {
            self.state.withLock { state in
                guard state.agents[node] === outbox else { return }
                state.agents[node] = nil
                self.process(.sessionEnded(node, .agent), &state)
            }
        }
    }

    // MARK: Directives

    private func process(_ event: CoordinatorEvent, _ state: inout State) {
        guard state.outcome == nil else { return }
        guard store.mayAct else { return stepDown(&state) }
        if case .tick = event { beat(&state) }
        decide(event, &state)
        while state.outcome == nil, let node = state.overflowed.popLast() {
            let evidence =
                "node \(node) does not take its messages: "
                + "\(Outbox<WorkerInstruction>.capacity) wait"
            decide(.nodeLost(node, evidence: evidence), &state)
        }
        if let failure = state.recordingFailure, state.outcome == nil {
            decide(.stopRequested(reason: failure.message), &state)
        }
        let now = MonotonicTime.now
        guard state.outcome == nil, now - state.shown >= 0.2 else { return }
        state.shown = now
        attempt(&state) { try recording.show($0.coordinator.status(now: now)) }
    }

    private func decide(_ event: CoordinatorEvent, _ state: inout State) {
        let start = MonotonicTime.now
        let directives = state.coordinator.handle(event, now: start)
        let isPlan = directives.contains {
            if case .send(_, .reconfigure) = $0 { true } else { false }
        }
        if isPlan { state.coordinator.noteDecision(took: MonotonicTime.now - start) }
        for directive in directives { perform(directive, &state) }
    }

    /// Gives everybody a sign of life.
    private func beat(_ state: inout State) {
        let now = MonotonicTime.now
        guard now - state.beaten >= detectionBudget / 4 else { return }
        state.beaten = now
        for outbox in state.workers.values { _ = outbox.add(.heartbeat) }
        for outbox in state.agents.values { _ = outbox.add(.heartbeat) }
    }

    /// Another coordinator has taken over: nothing is sent or written any more.
    private func stepDown(_ state: inout State) {
        let outcome = RunOutcome.stopped(.deposed)
        state.outcome = outcome
        for outbox in state.workers.values { outbox.close() }
        for outbox in state.agents.values { outbox.close() }
        outcomesContinuation.yield(outcome)
        outcomesContinuation.finish()
    }

    private func perform(_ directive: CoordinatorDirective, _ state: inout State) {
        guard state.outcome == nil else { return }
        state.faults.reachBefore(directive)
        carryOut(directive, &state)
        state.faults.reachAfter(directive) { node in state.workers[node]?.waitUntilWritten() }
    }

    private func carryOut(_ directive: CoordinatorDirective, _ state: inout State) {
        switch directive {
        case .persist(let change):
            attempt(&state) { _ in try store.persist(change) }
            if state.recordingFailure != nil, !store.mayAct { stepDown(&state) }
        case .send(let node, let message): send(message, to: node, &state)
        case .fence(let node, let reason): fence(node, reason: reason, &state)
        case .record(let step): attempt(&state) { _ in try recording.record(step) }
        case .log(let event): attempt(&state) { _ in try recording.log(event) }
        case .publish(let plan): attempt(&state) { _ in try recording.publish(plan) }
        case .recovered(let record): attempt(&state) { _ in try recording.recovered(record) }
        case .store(let chunk): attempt(&state) { _ in try recording.store(chunk) }
        case .checkpoint(let action):
            recording.perform(action) { [weak self] in self?.submit(.checkpoint($0)) }
        case .restored(let restored): attempt(&state) { _ in try recording.record(restored) }
        case .conclude(let outcome): conclude(outcome, &state)
        case .finish(let outcome): finish(outcome, &state)
        }
    }

    private func send(_ message: CoordinatorMessage, to node: NodeID, _ state: inout State) {
        guard let outbox = state.workers[node] else { return }
        // Nothing may follow from a step that is not in the ledger: no commit, and no plan after it.
        if state.recordingFailure != nil {
            guard case .stop = message else { return }
        }
        if !outbox.add(.message(message)) { state.overflowed.append(node) }
    }

    private func fence(_ node: NodeID, reason: String, _ state: inout State) {
        state.fenced.insert(node)
        if let worker = state.workers.removeValue(forKey: node) {
            _ = worker.add(.refused(reason: reason))
            worker.close()
        }
        if let agent = state.agents.removeValue(forKey: node) {
            _ = agent.add(.fence(reason: reason))
            agent.close()
        }
        onFence(node)
    }

    private func attempt(_ state: inout State, _ body: (inout State) throws -> Void) {
        do {
            try body(&state)
        } catch let error as OobleckError {
            state.recordingFailure = state.recordingFailure ?? error
        } catch {
            let failure = OobleckError(.storage, "cannot record the run: \(error)")
            state.recordingFailure = state.recordingFailure ?? failure
        }
    }

    private func conclude(_ outcome: RunOutcome, _ state: inout State) {
        let outcome = state.recordingFailure.map { RunOutcome.stopped($0) } ?? outcome
        attempt(&state) { state in
            let coordinator = state.coordinator
            try recording.show(coordinator.status(now: MonotonicTime.now))
            try recording.finish(outcome) { coordinator.result(stateSHA256: $0) }
        }
    }

    private func finish(_ outcome: RunOutcome, _ state: inout State) {
        let outcome = state.recordingFailure.map { RunOutcome.stopped($0) } ?? outcome
        state.outcome = outcome
        for outbox in state.workers.values { outbox.close() }
        for outbox in state.agents.values {
            _ = outbox.add(.stop(reason: "the run is over"))
            outbox.close()
        }
        outcomesContinuation.yield(outcome)
        outcomesContinuation.finish()
    }
}
