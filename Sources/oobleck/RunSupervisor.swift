import Foundation
import OobleckClock
import OobleckControl
import OobleckCore
import OobleckRun
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
        let current = Mutex<ChildProcess?>(nil)
        let isStopping = Mutex(false)
        let signals = SignalHandlers { _ in
            isStopping.withLock { $0 = true }
            current.withLock { $0 }?.signal(SIGINT)
        }
        defer { signals.cancel() }
        var arguments = first
        var (deaths, lastSteps) = (0, -1)
        while true {
            let child = try ChildProcess.spawn(
                executable,
                arguments,
                group: .own,
                holdsInput: false,
                logPath: nil
            )
            current.withLock { $0 = child }
            _ = try await child.waitUntilExit(deadline: MonotonicTime.now + Self.deadline)
            guard case .signal(let number) = child.exitStatus else {
                if case .status(let status) = child.exitStatus { return status }
                throw OobleckError(.internalFault, "the coordinator did not end in a year")
            }
            guard !isStopping.withLock({ $0 }) else {
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
}
