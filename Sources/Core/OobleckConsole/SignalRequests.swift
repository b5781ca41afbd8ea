import Foundation

/// What the signals that came ask of the process.
package struct SignalRequests: Sendable {
    /// What is asked.
    package enum Request: Hashable, Sendable {
        /// End in order, and keep what was done.
        case stop
        /// End at once.
        case stopNow
        /// Save what was done so far, and go on.
        case save
    }

    /// What the loss of the terminal means.
    package var hangUp: HangUp
    /// The signal that asked for the end first.
    package private(set) var stopSignal: Int32?

    package init(hangUp: HangUp) { self.hangUp = hangUp }

    /// What a signal asks; `nil` is nothing.
    ///
    /// The first SIGINT or SIGTERM asks for an end in order, the next for one at once. A lost
    /// terminal says so once or twice, by a signal and by a failed write, and is never the second.
    package mutating func request(for signal: Int32) -> Request? {
        switch signal {
        case SIGINT, SIGTERM:
            guard stopSignal == nil else { return .stopNow }
            stopSignal = signal
            return .stop
        case SIGHUP:
            guard hangUp == .stop, stopSignal == nil else { return nil }
            stopSignal = signal
            return .stop
        case SIGUSR1: return .save
        default: return nil
        }
    }
}
