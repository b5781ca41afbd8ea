import Foundation
import OobleckClock
import OobleckCore
import OobleckRecording
import OobleckRunFiles
import Synchronization

/// The numbers of the run of this process, for those who ask over HTTP.
package final class MetricsService: MetricsSource {
    private struct State {
        var metrics = RunMetrics()
        /// When the run was last heard of; `nil` before it has begun.
        var heard: Seconds?
    }

    /// A coordinator tells its status five times a second; one that says nothing for so long hangs.
    private static let silence: Seconds = 10

    private let state = Mutex(State())

    /// Numbers of a run that has not begun.
    package init() {}

    /// Follows a run: takes what it tells its observers.
    package func follow(
        _ directory: RunDirectory,
        _ job: JobSpecification
    ) -> @Sendable (RunUpdate) -> Void {
        let name = URL(fileURLWithPath: directory.path).lastPathComponent
        state.withLock { $0.metrics.begin(name, job) }
        return { [self] update in
            let now = MonotonicTime.now
            state.withLock { state in
                state.metrics.note(update)
                state.heard = now
            }
        }
    }

    /// The answer to `/metrics`.
    package var metrics: String { state.withLock(\.metrics).text }

    /// The answer to `/healthz`: one line, and whether the run is well.
    package func health(now: Seconds = MonotonicTime.now) -> (isWell: Bool, line: String) {
        let (status, heard) = state.withLock { ($0.metrics.status, $0.heard) }
        guard let heard else { return (true, "starting") }
        let silence = now - heard
        guard silence <= Self.silence else {
            return (false, "the coordinator has said nothing for \(Int(silence.value)) s")
        }
        guard let status else { return (true, "starting") }
        let line = "\(status.phase.rawValue), step \(status.step) of \(status.steps)"
        return (status.phase != .stopped, status.reason.map { "\(line): \($0)" } ?? line)
    }
}
