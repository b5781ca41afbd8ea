import Foundation
import OobleckCore
import OobleckRunFiles
import Synchronization

/// Writes `metrics.jsonl` from what a run tells its observers, on the observer's own thread.
final class MetricsRecording: Sendable {
    private struct State {
        var lines: MetricsLines
        /// `nil` until the file could be opened.
        var log: MetricsLog?
        var unwritten = BoundedQueue<MetricsLine>(limit: RunObservers.mostNotices)
    }

    private let path: String
    private let state: Mutex<State>

    init(path: String, job: JobSpecification) {
        self.path = path
        state = Mutex(State(lines: MetricsLines(job: job)))
    }

    func receive(_ notice: RunNotice) {
        let time = Seconds(Date().timeIntervalSince1970)
        state.withLock { state in
            for line in state.lines.lines(for: notice, at: time) { state.unwritten.add(line) }
            guard state.unwritten.count > 0 else { return }
            write(&state)
        }
    }

    /// Writes what waits; what fails is tried again with the next notice, and nothing waits for it.
    private func write(_ state: inout State) {
        var lines = state.unwritten.takeAll().elements[...]
        do {
            var log = try state.log ?? MetricsLog(path: path)
            defer { state.log = log }
            while let line = lines.first {
                try log.append(line)
                lines.removeFirst()
            }
        } catch {
            for line in lines { state.unwritten.add(line) }
        }
    }
}

/// Makes lines of `metrics.jsonl` of what a run tells.
package struct MetricsLines: Sendable {
    private let job: JobSpecification
    /// The newest step's line, while the state after it is being evaluated.
    private var held: MetricsLine?

    /// Lines of a run of `job`.
    package init(job: JobSpecification) { self.job = job }

    /// The lines to write after `notice`, told at `time` since 1970.
    package mutating func lines(for notice: RunNotice, at time: Seconds) -> [MetricsLine] {
        switch notice {
        case .measured(let step):
            let before = takeHeld()
            let line = MetricsLine(step, of: job, time: time)
            guard job.isEvaluated(after: line.step) else { return before + [line] }
            held = line
            return before
        case .evaluated(let evaluation): return lines(for: evaluation, at: time)
        case .finished: return takeHeld()
        case .committed, .recovered, .event, .planned, .status, .dropped: return []
        }
    }

    private mutating func lines(
        for evaluation: RecordedEvaluation,
        at time: Seconds
    ) -> [MetricsLine] {
        if held?.step == evaluation.step {
            held?.validationLoss = evaluation.finiteLoss
            return takeHeld()
        }
        guard evaluation.step == 0 else { return takeHeld() }
        var line = MetricsLine(step: 0, time: time)
        line.validationLoss = evaluation.finiteLoss
        line.generation = evaluation.generation
        return [line]
    }

    private mutating func takeHeld() -> [MetricsLine] {
        defer { held = nil }
        return held.map { [$0] } ?? []
    }
}
