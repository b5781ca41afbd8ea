import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// One attempt at a session: what it is to send, and whom it tells what it hears.
struct SessionAttempt<Instruction: Sendable, Report: Sendable>: Sendable {
    /// What goes to the coordinator.
    enum Outgoing: Sendable {
        case hello(SessionHello)
        case report(Report)
    }

    let reports: Outbox<Outgoing>
    /// The stream is open.
    let opened: @Sendable () -> Void
    let received: @Sendable (Instruction) -> Void
}

/// The shell of a ``SessionLogic``: gives it events one at a time, each with all its directives
/// performed before the next, whatever thread they come from.
final class SessionDriver<Logic: SessionLogic>: Sendable {
    typealias Attempt = SessionAttempt<Logic.Instruction, Logic.Report>
    typealias Event = SessionEvent<Logic.Instruction, Logic.Local>

    private struct State {
        var logic: Logic
        /// Events that wait for the one at hand, with the attempt that they belong to.
        var waiting: [(event: Event, attempt: Int?)] = []
        var isBusy = false
        /// Number of the newest attempt; what comes of any other is dropped.
        var attempt = 0
        var reports: Outbox<Attempt.Outgoing>?
        /// Owned here: ends with the attempt, at the latest shortly after the session.
        var task: Task<Void, Never>?
        var ending: SessionEnding?
    }

    /// How long the last reports may take to leave.
    private static var linger: Seconds { 1 }

    private let state: Mutex<State>
    private let open: @Sendable (Attempt) async throws -> Void
    private let act: @Sendable (Logic.Action) -> Void
    private let endings: AsyncStream<SessionEnding>
    private let endingsContinuation: AsyncStream<SessionEnding>.Continuation
    // Created, resumed once and cancelled once; Dispatch's sources are thread-safe.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    /// A driver of `logic`.
    ///
    /// - Parameters:
    ///   - logic: The decisions.
    ///   - open: Finds the coordinator, and runs one session with it until it ends.
    ///   - act: Does something on this node; must not block.
    init(
        _ logic: Logic,
        open: @escaping @Sendable (Attempt) async throws -> Void,
        act: @escaping @Sendable (Logic.Action) -> Void
    ) {
        state = Mutex(State(logic: logic))
        self.open = open
        self.act = act
        (endings, endingsContinuation) = AsyncStream.makeStream()
        let queue = DispatchQueue(label: "oobleck.session", qos: .userInteractive)
        timer = DispatchSource.makeTimerSource(queue: queue)
    }

    /// Runs the session to its end, and returns how it ended.
    func run() async -> SessionEnding {
        timer.setEventHandler { [weak self] in self?.submit(.wake, of: nil) }
        timer.resume()
        defer { timer.cancel() }
        startAttempt()
        submit(.wake, of: nil)
        for await ending in endings {
            await letReportsLeave()
            return ending
        }
        // Cancelled: the stream goes at once.
        let ending = SessionEnding.failed(OobleckError(.outOfNodes, "interrupted"))
        state.withLock { $0.ending = ending }
        endAttempt()
        return ending
    }

    /// Something happened on this node.
    func local(_ event: Logic.Local) { submit(.local(event), of: nil) }

    // MARK: Events

    private func submit(_ event: Event, of attempt: Int?) {
        let isFirst = state.withLock { state in
            state.waiting.append((event, attempt))
            defer { state.isBusy = true }
            return !state.isBusy
        }
        guard isFirst else { return }
        while let directives = next() { for directive in directives { perform(directive) } }
    }

    /// The directives of the next event that counts; `nil` when none is left.
    private func next() -> [SessionDirective<Logic.Report, Logic.Action>]? {
        let now = MonotonicTime.now
        let (directives, wake) = state.withLock { state in
            while !state.waiting.isEmpty {
                let (event, attempt) = state.waiting.removeFirst()
                guard state.ending == nil, attempt == nil || attempt == state.attempt else {
                    continue
                }
                let directives = state.logic.handle(event, now: now)
                return (Optional(directives), state.logic.nextWake)
            }
            state.isBusy = false
            return (nil, state.logic.nextWake)
        }
        // Bounded from below: a deadline that has passed is seen a moment later.
        let delay = max(0.001, (wake - now).value)
        if delay.isFinite { timer.schedule(deadline: .now() + delay, leeway: .milliseconds(1)) }
        return directives
    }

    private func perform(_ directive: SessionDirective<Logic.Report, Logic.Action>) {
        switch directive {
        case .connect: startAttempt()
        case .disconnect: endAttempt()
        case .hello(let hello): send(.hello(hello))
        case .send(let report): send(.report(report))
        case .act(let action): act(action)
        case .end(let ending):
            let reports = state.withLock { state in
                state.ending = ending
                return state.reports
            }
            reports?.close()
            endingsContinuation.yield(ending)
            endingsContinuation.finish()
        }
    }

    private func send(_ report: Attempt.Outgoing) {
        guard let reports = state.withLock({ $0.reports }) else { return }
        // A coordinator that takes nothing any more is as good as gone.
        if !reports.add(report) { reports.close() }
    }

    // MARK: Attempts

    private func startAttempt() {
        let reports = Outbox<Attempt.Outgoing>()
        let number = state.withLock { state in
            state.attempt += 1
            state.reports = reports
            return state.attempt
        }
        let attempt = Attempt(
            reports: reports,
            opened: { self.submit(.opened, of: number) },
            received: { self.submit(.received($0), of: number) }
        )
        let task = Task {
            let end: Event
            do {
                try await self.open(attempt)
                end = .closed(reason: "the coordinator ended the session")
            } catch let error as OobleckError where error.code == .usage {
                // Our mistake, such as a wrong token: no other attempt mends it.
                end = .refused(error)
            } catch let error as OobleckError {
                end = .closed(reason: error.message)
            } catch {
                end = .closed(reason: "\(error)")
            }
            self.submit(end, of: number)
        }
        state.withLock { $0.task = task }
    }

    private func endAttempt() {
        let (reports, task) = state.withLock { state in
            // What still comes of it counts no more.
            state.attempt += 1
            defer { (state.reports, state.task) = (nil, nil) }
            return (state.reports, state.task)
        }
        reports?.close()
        task?.cancel()
    }

    private func letReportsLeave() async {
        guard let task = state.withLock({ $0.task }) else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await task.value }
            group.addTask {
                // Ends early when the group is cancelled; the length is the bound.
                do { try await Task.sleep(for: Duration(Self.linger)) } catch {}
                task.cancel()
            }
            await group.next()
            group.cancelAll()
        }
    }
}
