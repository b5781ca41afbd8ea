import Foundation

/// The requests that the signals received so far make of the process.
package struct SignalRequests: Sendable {
    /// What is asked.
    package enum Request: Hashable, Sendable {
        /// End in order, and save the state.
        case stop
        /// End at once.
        case stopNow
        /// Save a checkpoint and continue.
        case save
    }

    /// What the loss of the terminal means.
    package var hangUp: HangUp
    /// The signal that asked for the end first.
    package private(set) var stopSignal: Int32?
    /// Whether a batch system may end the process; its second SIGTERM asks nothing more.
    ///
    /// It sends SIGTERM to each process of a job, more than once, and SIGKILL when the time is up.
    package var isBatchJob = false

    package init(hangUp: HangUp) { self.hangUp = hangUp }

    /// What a signal asks; `nil` is nothing.
    ///
    /// The first SIGINT or SIGTERM requests an end in order, the next one an immediate end. A lost
    /// terminal is reported once or twice, by a signal and by a failed write, and never counts as
    /// the second request.
    package mutating func request(for signal: Int32) -> Request? {
        switch signal {
        case SIGTERM where isBatchJob && stopSignal != nil: return nil
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
