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
package struct RunSupervisor {
    /// The longest a coordinator may live.
    private static let deadline: Seconds = 365 * 24 * 3600

    let executable: String
    /// Arguments of the first coordinator, and of all that follow.
    let first: [String]
    let next: [String]
    let runDirectoryPath: String

    package init(
        executable: String,
        first: [String],
        next: [String],
        runDirectoryPath: String
    ) {
        self.executable = executable
        self.first = first
        self.next = next
        self.runDirectoryPath = runDirectoryPath
    }

    /// Returns the exit status of the last coordinator.
    ///
    /// Throws one line when coordinators die one after the other.
    package func run() async throws -> Int32 {
        let state = Shared()
        return try await ProcessSignals.shared.handling(state.obey) {
            try await restart(state)
        }
    }

    private func restart(_ state: Shared) async throws -> Int32 {
        var arguments = first
        var deaths = CoordinatorDeaths()
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
            guard let exit = child.exitStatus else {
                throw OobleckError(.internalFault, "the coordinator did not end in a year")
            }
            let verdict = try deaths.verdict(after: exit, isStopping: state.isStopping) {
                try LedgerEnd(path: runDirectoryPath + "/ledger.jsonl").steps
            }
            switch verdict {
            case .end(let status): return status
            case .interrupted:
                throw OobleckError(.outOfNodes, "interrupted; the coordinator died of it")
            case .giveUp(let deaths, let steps, let reason):
                throw OobleckError(
                    .internalFault,
                    "the coordinator died \(counted(deaths, "time")) in a row at step \(steps), last of: "
                        + "\(reason); its run is in \(runDirectoryPath)"
                )
            case .restart(let reason):
                Console.show("the coordinator died (\(reason)); starting the next")
                arguments = next
            }
        }
    }

    /// The coordinator that leads the run, and what was asked of it.
    private final class Shared: Sendable {
        private struct State {
            var coordinator: ChildProcess?
            var signals = SupervisorSignals()
        }

        private let state = Mutex(State())

        var isStopping: Bool { state.withLock(\.signals.isStopping) }

        /// Notes who leads the run; passes on what was asked before.
        func lead(_ coordinator: ChildProcess) {
            state.withLock { state in
                state.coordinator = coordinator
                if state.signals.isStopping { coordinator.signal(SIGTERM) }
            }
        }

        /// Passes a request on.
        func obey(_ request: ProcessSignals.Request) {
            state.withLock { state in
                let number = state.signals.signal(for: request)
                state.coordinator?.signal(number)
            }
        }
    }
}
