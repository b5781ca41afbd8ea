import Foundation
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckTransport
import Synchronization

/// Keeps a run's coordinator going: starts it as a process of its own, and when that is killed
/// starts the next, which goes on with the nodes that wait for it.
///
/// The nodes are no children of the supervisor. When it dies itself the coordinator goes on, alone.
struct RunSupervisor {
    /// Deaths in a row without a step in between, after which something is wrong with the run.
    private static let limit = 5
    /// The longest a coordinator may live.
    private static let deadline: Seconds = 365 * 24 * 3600

    let executable: String
    /// Arguments of the first coordinator, and of all that follow.
    let first: [String]
    let next: [String]
    let runDirectoryPath: String

    /// Returns the exit status of the last coordinator.
    ///
    /// Throws one line when coordinators die one after the other.
    func run() async throws -> Int32 {
        let state = Shared()
        return try await ProcessSignals.shared.handling(state.obey) {
            try await restart(state)
        }
    }

    private func restart(_ state: Shared) async throws -> Int32 {
        var arguments = first
        var (deaths, lastSteps) = (0, -1)
        while true {
            let child = try ChildProcess.spawn(
                executable,
                arguments,
                environment: [HangUp.supervisedVariable: "1"],
                group: .own,
                holdsInput: false,
                logPath: nil
            )
            state.lead(child)
            _ = try await child.waitUntilExit(deadline: MonotonicTime.now + Self.deadline)
            guard case .signal(let number) = child.exitStatus else {
                if case .status(let status) = child.exitStatus { return status }
                throw OobleckError(.internalFault, "the coordinator did not end in a year")
            }
            guard !state.isStopping else {
                throw OobleckError(.outOfNodes, "interrupted; the coordinator died of it")
            }
            let steps = try LedgerEnd(path: runDirectoryPath + "/ledger.jsonl").steps
            deaths = steps > lastSteps ? 1 : deaths + 1
            lastSteps = steps
            let reason = String(cString: strsignal(number))
            guard deaths < Self.limit else {
                throw OobleckError(
                    .internalFault,
                    "the coordinator died \(counted(deaths, "time")) in a row at step \(steps), last of: "
                        + "\(reason); its run is in \(runDirectoryPath)"
                )
            }
            Console.show("the coordinator died (\(reason)); starting the next")
            arguments = next
        }
    }

    /// The coordinator that leads the run, and what was asked of it.
    private final class Shared: Sendable {
        private struct State {
            var coordinator: ChildProcess?
            /// Requests to end.
            var stops = 0
        }

        private let state = Mutex(State())

        /// Whether the run was asked to end: then no other coordinator is started.
        var isStopping: Bool { state.withLock { $0.stops > 0 } }

        /// Notes who leads the run; passes on what was asked before.
        func lead(_ coordinator: ChildProcess) {
            state.withLock { state in
                state.coordinator = coordinator
                if state.stops > 0 { coordinator.signal(SIGTERM) }
            }
        }

        /// Passes a request on; the third one for an end is the last word.
        func obey(_ request: ProcessSignals.Request) {
            state.withLock { state in
                switch request {
                case .stop, .stopNow:
                    state.stops += 1
                    state.coordinator?.signal(state.stops > 2 ? SIGKILL : SIGTERM)
                case .save: state.coordinator?.signal(SIGUSR1)
                }
            }
        }
    }
}
