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
    struct State {
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

    let outcomesContinuation: AsyncStream<RunOutcome>.Continuation
    let queue = DispatchQueue(label: "oobleck.coordinator", qos: .userInteractive)
    let state: Mutex<State>
    let recording: any RunRecording
    let mostAgents: Int
    let store: any CoordinationStore
    let onFence: @Sendable (NodeID) -> Void

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

    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (inout sending State) -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.state.withLock { body(&$0) }) }
        }
    }

    // MARK: Decisions

    func process(_ event: CoordinatorEvent, _ state: inout State) {
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
            decide(.endRequested(reason: failure.message), &state)
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
}
