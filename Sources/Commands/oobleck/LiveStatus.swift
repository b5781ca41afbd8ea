import Foundation
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRuntime
import OobleckText
import Synchronization

/// A run of another process at a terminal: two live lines, and above them its nodes whenever something happens to
/// them.
final class LiveStatus: Sendable {
    private struct State {
        var pace = ProgressPace()
        /// What was shown last above the live lines.
        var shown: RunStatus?
    }

    private let start = MonotonicTime.now
    /// `nil` where the job is not known.
    private let schedule: LearningRateSchedule?
    private let state = Mutex(State())

    /// Shows a run whose learning rate follows `schedule`.
    init(_ schedule: LearningRateSchedule?) { self.schedule = schedule }

    /// Shows a status.
    func show(_ status: RunStatus) {
        let now = MonotonicTime.now - start
        var measures = ProgressPanel.Measures()
        if status.step > 0 { measures.learningRate = schedule?.rate(step: status.step - 1) }
        let isNews = state.withLock { state in
            state.pace.note(status, at: now)
            measures.stepTime = state.pace.average
            measures.running = state.pace.long(at: now)
            defer { state.shown = status }
            guard let shown = state.shown else { return true }
            return shown.generation != status.generation
                || shown.nodes.map(\.state) != status.nodes.map(\.state)
        }
        if isNews { Console.show(status.text(now: Date().timeIntervalSince1970)) }
        Console.showLive(ProgressPanel(status, measures))
    }

    /// Takes the live lines away.
    func clear() { Console.clearLive() }
}
