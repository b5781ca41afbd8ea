import Synchronization

/// The wish that a node leaves its run in order, as when its machine is to be taken away.
package final class Departure: Sendable {
    private struct State {
        var reason: String?
        var handler: (@Sendable (String) -> Void)?
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether somebody wished it.
    package var isRequested: Bool { state.withLock { $0.reason != nil } }

    /// Has the node leave at the next step boundary; from any thread.
    package func request(_ reason: String) {
        let handler = state.withLock { state in
            state.reason = state.reason ?? reason
            return state.handler
        }
        handler?(reason)
    }

    /// Has `handler` called with the reason, at once if the wish was there before.
    func onRequest(_ handler: @escaping @Sendable (String) -> Void) {
        let reason = state.withLock { state in
            state.handler = handler
            return state.reason
        }
        if let reason { handler(reason) }
    }
}
