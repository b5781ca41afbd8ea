import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// Runs the coordinator's decisions: one event at a time, in order of arrival, each with all its
/// directives performed before the next.
///
/// Works on a thread of its own queue, because recording writes files. When these fail it waits for
/// them (``DirectiveQueue``), and so do the nodes, to which ``Pulse`` gives signs of life.
final class CoordinatorLoop: Sendable {
    struct State {
        var coordinator: Coordinator
        /// What is decided and not yet performed.
        var work = DirectiveQueue()
        let pulse: Pulse
        var workers: [NodeID: Outbox<WorkerInstruction>] = [:] {
            didSet { pulse.follow(workers) }
        }
        var agents: [NodeID: Outbox<AgentInstruction>] = [:] {
            didSet { pulse.follow(agents) }
        }
        var fenced: Set<NodeID> = []
        /// Peers that let too many messages wait; given up after the event at hand.
        var overflowed: [NodeID] = []
        var shown = Seconds(-1)
        var faults: CoordinatorFaultInjector
        /// What was to be recorded, and makes no sense: the run ends.
        var fault: OobleckError?
        var outcome: RunOutcome?
        /// Called once storage works again, or the run is over.
        var held: [@Sendable () -> Void] = []

        init(coordinator: Coordinator, pulse: Pulse, faults: CoordinatorFaultInjector) {
            self.coordinator = coordinator
            self.pulse = pulse
            self.faults = faults
        }
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
    let isOwnAgent: @Sendable (NodeID, _ pid: Int) -> Bool
    let onFence: @Sendable (NodeID) -> Void
    let pulse: Pulse

    init(
        coordinator: Coordinator,
        detectionBudget: Seconds,
        recording: any RunRecording,
        mostAgents: Int,
        store: any CoordinationStore,
        faults: CoordinatorFaultInjector,
        isOwnAgent: @escaping @Sendable (NodeID, _ pid: Int) -> Bool,
        onFence: @escaping @Sendable (NodeID) -> Void
    ) {
        pulse = Pulse(detectionBudget: detectionBudget, store: store) { recording.log($0) }
        state = Mutex(State(coordinator: coordinator, pulse: pulse, faults: faults))
        self.detectionBudget = detectionBudget
        self.recording = recording
        self.mostAgents = mostAgents
        self.store = store
        self.isOwnAgent = isOwnAgent
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

    func status() async -> RunStatus { await perform { self.status($0, now: MonotonicTime.now) } }

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
        if case .tick = event { pulse.noteTick() }
        if state.work.isWaiting {
            wait(for: event, &state)
        } else {
            take(event, &state)
        }
        show(&state)
    }

    private func take(_ event: CoordinatorEvent, _ state: inout State) {
        decide(event, &state)
        while canDecide(state), let node = state.overflowed.popLast() {
            let evidence =
                "node \(node) does not take its messages: "
                + "\(Outbox<WorkerInstruction>.capacity) wait"
            decide(.nodeLost(node, evidence: evidence), &state)
        }
        if let fault = state.fault, canDecide(state) {
            decide(.endRequested(reason: fault.message), &state)
        }
    }

    private func canDecide(_ state: State) -> Bool {
        state.outcome == nil && !state.work.isWaiting
    }

    func decide(_ event: CoordinatorEvent, _ state: inout State) {
        let start = MonotonicTime.now
        let directives = state.coordinator.handle(event, now: start)
        let isPlan = directives.contains {
            if case .send(_, .reconfigure) = $0 { true } else { false }
        }
        if isPlan { state.coordinator.noteDecision(took: MonotonicTime.now - start) }
        state.work.add(directives)
        performWork(&state)
    }

    private func show(_ state: inout State) {
        let now = MonotonicTime.now
        guard state.outcome == nil, now - state.shown >= 0.2 else { return }
        state.shown = now
        recording.show(status(state, now: now))
    }
}
