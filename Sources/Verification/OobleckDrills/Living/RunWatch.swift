import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles

/// Watches a run of somebody else's through its directory.
struct RunWatch {
    /// What became of a wait.
    enum Sight {
        case reached(RunStatus)
        case ended
        /// After so long.
        case timedOut(Seconds)
    }

    private let directory: RunDirectory

    /// Longest that a run may take to be as it should, beside what follows from its own times.
    static let patience: Seconds = 120

    init(_ directory: RunDirectory) { self.directory = directory }

    /// Waits until the run is as wanted: as long as ten detection budgets, a restart of its
    /// coordinator and twenty of its steps may take.
    func wait(until isWanted: (RunStatus) -> Bool) async throws -> Sight {
        let start = MonotonicTime.now
        let bound = Self.patience + 10 * (try directory.job().cluster.detectionBudget)
        var end = start + bound
        while MonotonicTime.now < end {
            guard !directory.isFinished else { return .ended }
            if let status = try status() {
                if isWanted(status) { return .reached(status) }
                if [.stopped, .finished].contains(status.phase) { return .ended }
                end = max(end, start + bound + 20 * (status.stepTime ?? 0))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return .timedOut(end - start)
    }

    /// Whether the run has stopped without a result.
    func isOver() throws -> Bool { try status()?.phase == .stopped }

    private func status() throws -> RunStatus? {
        guard FileManager.default.fileExists(atPath: directory.statusPath) else { return nil }
        return try directory.status()
    }
}
