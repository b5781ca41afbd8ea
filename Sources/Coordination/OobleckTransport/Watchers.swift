import OobleckCore
import Synchronization

/// Something that whoever watches a run is told.
package enum WatchUpdate: Hashable, Sendable {
    case status(RunStatus)
    case event(TimedEvent)
}

/// Those who watch a run over the control plane.
///
/// Telling never waits: a watcher that lets too many events wait is given up.
final class Watchers: Sendable {
    private struct State {
        var watchers: [ObjectIdentifier: Watcher] = [:]
        var isOver = false
    }

    private let most: Int
    private let state = Mutex(State())

    /// Of more than `most` watchers at once the newest is refused.
    init(most: Int) { self.most = most }

    var count: Int { state.withLock { $0.watchers.count } }

    /// A watcher who is told this status first, then what follows; once the run is over nothing does.
    ///
    /// Throws one line when there are too many.
    func open(with status: RunStatus) throws -> Watcher {
        let watcher = Watcher(status)
        try state.withLock { state in
            guard state.watchers.count < most else {
                throw OobleckError(
                    .usage,
                    "\(counted(most, "client")) watch this run already, and no more may; "
                        + "end one of them, or read events.jsonl in the run directory"
                )
            }
            guard !state.isOver else { return watcher.finish() }
            state.watchers[ObjectIdentifier(watcher)] = watcher
        }
        return watcher
    }

    /// The watcher is gone.
    func close(_ watcher: Watcher) {
        _ = state.withLock { $0.watchers.removeValue(forKey: ObjectIdentifier(watcher)) }
    }

    func tell(_ event: TimedEvent) {
        for watcher in state.withLock({ Array($0.watchers.values) }) where !watcher.add(event) {
            close(watcher)
        }
    }

    func tell(_ status: RunStatus) {
        for watcher in state.withLock({ Array($0.watchers.values) }) { watcher.show(status) }
    }

    /// The run is over: all are told what they were not yet, and nothing more.
    func finish() {
        let last = state.withLock { state in
            defer { (state.watchers, state.isOver) = ([:], true) }
            return Array(state.watchers.values)
        }
        for watcher in last { watcher.finish() }
    }
}

/// One who watches: what waits for it, and a sign that something does.
final class Watcher: Sendable {
    /// Events that may wait.
    static let mostEvents = 1024

    private struct State {
        var events = BoundedQueue<TimedEvent>(limit: Watcher.mostEvents)
        /// The newest status that was not taken yet.
        var status: RunStatus?
        var isTooSlow = false
    }

    /// Has an element whenever something waits; ends after the last.
    let signals: AsyncStream<Void>
    /// Ends when the watcher is given up because it is too slow.
    let givenUp: AsyncStream<Never>
    private let signal: AsyncStream<Void>.Continuation
    private let giveUp: AsyncStream<Never>.Continuation
    private let state: Mutex<State>

    init(_ status: RunStatus) {
        state = Mutex(State(status: status))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (givenUp, giveUp) = AsyncStream.makeStream()
        signal.yield()
    }

    /// False when too many wait already: the watcher is given up.
    func add(_ event: TimedEvent) -> Bool {
        let isTooSlow = state.withLock { state in
            if state.events.add(event) {
                state.isTooSlow = true
                _ = state.events.takeAll()
            }
            return state.isTooSlow
        }
        guard !isTooSlow else {
            giveUp.finish()
            return false
        }
        signal.yield()
        return true
    }

    func show(_ status: RunStatus) {
        state.withLock { $0.status = status }
        signal.yield()
    }

    /// Has a sign of life sent if nothing waits.
    func wake() { signal.yield() }

    /// Nothing follows.
    func finish() { signal.finish() }

    /// What waits: events in order, then the newest status.
    func take() -> [WatchUpdate] {
        state.withLock { state in
            let events = state.events.takeAll().elements.map(WatchUpdate.event)
            defer { state.status = nil }
            return events + (state.status.map { [.status($0)] } ?? [])
        }
    }
}
