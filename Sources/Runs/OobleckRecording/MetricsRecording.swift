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

    /// `committed` is the ledger's last step, of a run that goes on.
    init(path: String, job: JobSpecification, committed: CommittedStep? = nil) {
        self.path = path
        state = Mutex(State(lines: MetricsLines(job: job, committed: committed)))
    }

    func receive(_ update: RunUpdate) {
        let time = Seconds(Date().timeIntervalSince1970)
        state.withLock { state in
            for line in state.lines.lines(for: update, at: time) { state.unwritten.add(line) }
            guard state.unwritten.count > 0 else { return }
            write(&state)
        }
    }

    /// Writes what waits; what fails is tried again with the next update, and nothing waits for it.
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
    /// The ledger's last step, if an earlier coordinator committed it.
    private var inherited: CommittedStep?

    /// Lines of a run of `job`, which continues after `committed`.
    package init(job: JobSpecification, committed: CommittedStep? = nil) {
        self.job = job
        inherited = committed
    }

    /// The lines to write after `update`, told at `time` since 1970.
    package mutating func lines(for update: RunUpdate, at time: Seconds) -> [MetricsLine] {
        switch update {
        case .measured(let step):
            inherited = nil
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
        guard var line = unmeasured(evaluation, at: time) else { return takeHeld() }
        line.validationLoss = evaluation.finiteLoss
        return [line]
    }

    /// A line for a state that is evaluated, and whose step was not measured here: the first state, and one
    /// whose coordinator died before it was evaluated.
    private func unmeasured(
        _ evaluation: RecordedEvaluation,
        at time: Seconds
    ) -> MetricsLine? {
        if evaluation.step == 0 {
            var line = MetricsLine(step: 0, time: time)
            line.generation = evaluation.generation
            return line
        }
        guard let inherited, inherited.step + 1 == evaluation.step else { return nil }
        return MetricsLine(inherited, of: job, time: time)
    }

    private mutating func takeHeld() -> [MetricsLine] {
        defer { held = nil }
        return held.map { [$0] } ?? []
    }
}
