import Foundation
import OobleckConsole
import OobleckTransport

/// What follows the end of a coordinator that is supervised: decides from how it ended and from the
/// steps that the run has committed.
struct CoordinatorDeaths: Sendable {
    /// What the supervisor does next.
    enum Verdict: Hashable {
        /// The coordinator ended by itself; so does the supervisor, with this status.
        case end(status: Int32)
        /// A signal killed it: start the next coordinator.
        case restart(reason: String)
        /// It was killed after somebody asked the run to end.
        case interrupted
        /// Coordinators died one after the other without a step in between.
        case giveUp(deaths: Int, steps: Int, reason: String)
    }

    /// Deaths in a row without a step in between, after which the run itself is at fault.
    static let limit = 5

    private(set) var inARow = 0
    private var lastSteps = -1

    /// Notes the end of a coordinator.
    ///
    /// `steps` tells how many steps are committed; it is asked only after a death by a signal.
    mutating func verdict(
        after exit: ChildProcess.Exit,
        isStopping: Bool,
        steps: () throws -> Int
    ) rethrows -> Verdict {
        let number: Int32
        switch exit {
        case .status(let status): return .end(status: status)
        case .signal(let signal): number = signal
        }
        guard !isStopping else { return .interrupted }
        let steps = try steps()
        inARow = steps > lastSteps ? 1 : inARow + 1
        lastSteps = steps
        let reason = String(cString: strsignal(number))
        return inARow < Self.limit
            ? .restart(reason: reason) : .giveUp(deaths: inARow, steps: steps, reason: reason)
    }
}

/// What a supervisor sends its coordinator for the signals that it gets.
struct SupervisorSignals: Sendable {
    /// How often somebody asked for the end.
    private(set) var stops = 0

    /// Whether the run was asked to end: then no other coordinator is started.
    var isStopping: Bool { stops > 0 }

    /// The signal to pass on: the third request for an end kills.
    mutating func signal(for request: ProcessSignals.Request) -> Int32 {
        switch request {
        case .stop, .stopNow:
            stops += 1
            return stops > 2 ? SIGKILL : SIGTERM
        case .save: return SIGUSR1
        }
    }
}
