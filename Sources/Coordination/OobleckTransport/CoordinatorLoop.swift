import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// The shell of ``CoordinatorInstance``: gives it the time, has its directives performed one after
/// the other, and keeps the streams of its sessions.
///
/// Works on a thread of its own queue, because recording writes files. When these fail the instance
/// waits for them, and so do the nodes, to which ``Pulse`` gives signs of life.
final class CoordinatorLoop: Sendable {
    struct State {
        var instance: CoordinatorInstance
        /// What is sent in each session, from its stream's first message to its end.
        var streams: [SessionID: SessionStream] = [:] {
            didSet { pulse.follow(Array(streams.values)) }
        }
        var lastSession = 0
        /// Readers of sessions whose last message waits for storage.
        var held: [(session: SessionID, resume: @Sendable () -> Void)] = []
        var shown = Seconds(-1)
        var faults: CoordinatorFaultInjector
        let pulse: Pulse
    }

    let detectionBudget: Seconds
    /// Yields how the run ended, once.
    let outcomes: AsyncStream<RunOutcome>

    let outcomesContinuation: AsyncStream<RunOutcome>.Continuation
    let queue = DispatchQueue(label: "oobleck.coordinator", qos: .userInteractive)
    let state: Mutex<State>
    let recording: any RunRecording
    let store: any CoordinationStore
    let isOwnAgent: @Sendable (NodeID, _ pid: Int) -> Bool
    let onFence: @Sendable (NodeID) -> Void
    let pulse: Pulse
    let watchers: Watchers

    init(
        coordinator: Coordinator,
        recording: any RunRecording,
        mostAgents: Int,
        mostWatchers: Int,
        store: any CoordinationStore,
        faults: CoordinatorFaultInjector,
        isOwnAgent: @escaping @Sendable (NodeID, _ pid: Int) -> Bool,
        onFence: @escaping @Sendable (NodeID) -> Void
    ) {
        detectionBudget = coordinator.detectionBudget
        let watchers = Watchers(most: mostWatchers)
        self.watchers = watchers
        pulse = Pulse(detectionBudget: detectionBudget, store: store) {
            let event = TimedEvent($0)
            recording.log(event)
            watchers.tell(event)
        }
        let instance = CoordinatorInstance(coordinator, mostAgents: mostAgents)
        state = Mutex(State(instance: instance, faults: faults, pulse: pulse))
        self.recording = recording
        self.store = store
        self.isOwnAgent = isOwnAgent
        self.onFence = onFence
        (outcomes, outcomesContinuation) = AsyncStream.makeStream()
    }

    // MARK: What happens

    /// Takes an event, and returns at once.
    func submit(_ event: CoordinatorEvent) { submit(.event(event)) }

    func submit(_ input: CoordinatorInstance.Input) {
        queue.async { self.state.withLock { self.handle(input, &$0) } }
    }

    /// Takes an event, and returns when its directives are performed.
    func handle(_ event: CoordinatorEvent) async { await take(.event(event)) }

    /// Takes what a session says, and returns when it is decided on: a peer that sends more than can
    /// be recorded waits, so that what comes in while storage fails is bounded.
    func take(_ input: CoordinatorInstance.Input) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async {
                self.state.withLock { state in
                    self.handle(input, &state)
                    guard let session = input.session, state.instance.holds(session) else {
                        return continuation.resume()
                    }
                    state.held.append((session, { continuation.resume() }))
                }
            }
        }
    }

    func noteKill(_ node: NodeID, at time: Seconds) {
        queue.async { self.state.withLock { $0.instance.noteKill(node, at: time) } }
    }

    /// Reserves the next number for a node that is about to be started.
    func reserveNode() async -> NodeID { await perform { $0.instance.reserve() } }

    func status() async -> RunStatus {
        await perform { $0.instance.status(now: MonotonicTime.now) }
    }

    /// Opens a watch whose first word is the status as of now.
    ///
    /// Throws one line when too many watch.
    func watch() async throws -> Watcher {
        try await perform { [watchers] state in
            Result { try watchers.open(with: state.instance.status(now: MonotonicTime.now)) }
        }
        .get()
    }

    /// Whether some session is still open.
    func hasSessions() async -> Bool { await perform { !$0.streams.isEmpty } }

    private func perform<Result: Sendable>(
        _ body: @escaping @Sendable (inout sending State) -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.state.withLock { body(&$0) }) }
        }
    }

    // MARK: Sessions

    /// Opens a session over a stream; what it is to be sent goes there from now on.
    func open(_ stream: SessionStream) async -> SessionID {
        await perform { state in
            state.lastSession += 1
            let session = SessionID(state.lastSession)
            state.streams[session] = stream
            return session
        }
    }

    /// A peer's first message; `node` and process tell whether it is one that this run started.
    func greet(_ session: SessionID, _ side: SessionSide, _ hello: SessionHello) async {
        let isOwn = hello.node.map { isOwnAgent($0, hello.pid) } ?? false
        await take(.hello(session, side, hello, isOwn: isOwn))
    }

    /// The node whose session it is, if it was let in.
    func node(of session: SessionID) async -> NodeID? {
        await perform { $0.instance.node(of: session) }
    }

    /// The session's stream ended; said as often as one likes.
    func close(_ session: SessionID, _ stream: SessionStream) {
        stream.close()
        queue.async {
            self.state.withLock { state in
                guard state.streams.removeValue(forKey: session) != nil else { return }
                self.handle(.ended(session), &state)
            }
        }
    }

    // MARK: The instance

    func handle(_ input: CoordinatorInstance.Input, _ state: inout State) {
        if case .event(.tick) = input { pulse.noteTick() }
        let start = MonotonicTime.now
        state.instance.handle(input, mayAct: store.mayAct, now: start)
        state.instance.noteTime(ofDecision: MonotonicTime.now - start)
        performDirectives(&state)
        release(&state)
        show(&state)
    }

    private func release(_ state: inout State) {
        guard !state.held.isEmpty else { return }
        let held = state.held
        state.held = held.filter { state.instance.holds($0.session) }
        for reader in held where !state.instance.holds(reader.session) { reader.resume() }
    }

    private func show(_ state: inout State) {
        let now = MonotonicTime.now
        guard state.instance.outcome == nil, now - state.shown >= 0.2 else { return }
        state.shown = now
        show(state.instance.status(now: now))
    }

    func show(_ status: RunStatus) {
        recording.show(status)
        watchers.tell(status)
    }

    /// Has an event recorded, and tells those who watch.
    func log(_ event: RunEvent) {
        let event = TimedEvent(event)
        recording.log(event)
        watchers.tell(event)
    }
}
