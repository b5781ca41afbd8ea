import Dispatch
import OobleckCore
import Synchronization

/// Those who are told of all that a run records.
///
/// Telling never waits. Each observer has a queue of its own with room for ``mostNotices``; one that is
/// slower loses the oldest, and learns how many with ``RunUpdate/dropped(_:)``.
package final class RunObservers: Sendable {
    /// Updates that may wait for one observer.
    package static let mostNotices = 10_000

    private let observers = Mutex<[RunObserver]>([])

    package init() {}

    /// Adds an observer, which is told of what follows, in order, from a thread of its own.
    package func add(_ receive: @escaping @Sendable (RunUpdate) -> Void) {
        let observer = RunObserver(receive)
        observers.withLock { $0.append(observer) }
    }

    /// Tells all observers, and returns at once.
    package func tell(_ update: RunUpdate) {
        for observer in observers.withLock({ $0 }) { observer.tell(update) }
    }

    /// Returns once all observers have been told of all that was said before, at the latest after `time`.
    package func flush(within time: Seconds) {
        let group = DispatchGroup()
        for observer in observers.withLock({ $0 }) { observer.flush(group) }
        _ = group.wait(timeout: .now() + time.value)
    }
}

/// One observer, its queue and its thread.
private final class RunObserver: Sendable {
    private struct State {
        var waiting = BoundedQueue<RunUpdate>(limit: RunObservers.mostNotices)
        /// Whether a delivery is to come.
        var isScheduled = false
    }

    private let receive: @Sendable (RunUpdate) -> Void
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "oobleck.observer", qos: .utility)

    init(_ receive: @escaping @Sendable (RunUpdate) -> Void) { self.receive = receive }

    func tell(_ update: RunUpdate) {
        let mustSchedule = state.withLock { state in
            state.waiting.add(update)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { queue.async { self.deliver() } }
    }

    func flush(_ group: DispatchGroup) { queue.async(group: group) { self.deliver() } }

    private func deliver() {
        let (updates, dropped) = state.withLock { state in
            state.isScheduled = false
            return state.waiting.takeAll()
        }
        if dropped > 0 { receive(.dropped(dropped)) }
        for update in updates { receive(update) }
    }
}
