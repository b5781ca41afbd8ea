import Foundation
import OobleckClock
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckRecording
import OobleckRunFiles
import OobleckText
import OobleckTransport
import Synchronization

/// Shows how a run goes: on a terminal two live lines, elsewhere a line when something changed; and
/// one line for each event that matters.
package final class RunDisplay: Sendable {
    private struct State {
        var pace = ProgressPace()
        var log = ProgressLog()
        /// What is known of the newest step beside the status.
        var measures = ProgressPanel.Measures()
        var job: JobSpecification?
        /// Whether a node was lost and the run has not recovered yet.
        var isRecovering = false
    }

    /// Said when somebody asks for the end of a run.
    static let stopping = "stopping after this step; a second Ctrl-C or SIGTERM stops at once"

    private let isTerminal = Console.isTerminal
    private let start = MonotonicTime.now
    private let state = Mutex(State())

    package init() {}

    /// Says what is trained, before the first update.
    func begin(_ job: JobSpecification) { state.withLock { $0.job = job } }

    func show(_ update: RunUpdate) {
        switch update {
        case .committed, .evaluated, .planned, .dropped: break
        case .measured(let measured): note(measured)
        case .recovered(let recovery):
            state.withLock { $0.isRecovering = false }
            say("recovered: \(recovery.anatomy)")
        case .event(let event): show(event.event)
        case .status(let status): show(status)
        case .finished: clear()
        }
    }

    /// Prints a line above the live line.
    package func say(_ text: String) {
        Console.show(text.folded(limit: Console.lineLimit))
    }

    /// Takes the live line away.
    func clear() { if isTerminal { Console.clearLive() } }

    private func show(_ event: RunEvent) {
        switch event.kind {
        case .nodeLost:
            state.withLock { $0.isRecovering = true }
            say(event.message)
        case .nodeDrained, .warning, .refused, .skipped, .damaged, .slow, .setAside, .evaluated:
            say(event.message)
        case .checkpointFailed, .checkpointDamaged, .waitingForNodes, .restored,
            .stopping, .checkpointRequested, .storageTrouble, .storageRestored:
            say(event.message)
        case .nodeJoined where event.step > 0: say(event.message)
        // After a loss, the line on the recovery says it all.
        case .planned where !state.withLock(\.isRecovering): say(event.message)
        default: break
        }
    }

    private func show(_ status: RunStatus) {
        let now = MonotonicTime.now - start
        state.withLock { state in
            guard isTerminal else {
                if let line = state.log.line(for: status, at: now) { Console.show(line) }
                return
            }
            state.pace.note(status, at: now)
            state.measures.stepTime = state.pace.average
            state.measures.running = state.pace.long(at: now)
            state.measures.elapsed = now
            Console.showLive(ProgressPanel(status, state.measures))
        }
    }

    private func note(_ measured: StepMeasurement) {
        state.withLock { state in
            guard let job = state.job else { return }
            let line = MetricsLine(measured, of: job, time: 0)
            state.measures.learningRate = line.learningRate
            state.measures.utilization = line.utilization
        }
    }
}

extension RecoveryRecord {
    /// What was lost, how long each part took, and the pipelines that train now; why this plan stands in the
    /// event.
    fileprivate var anatomy: String {
        "\(summary.dropLast(reason.count))\(reason.prefix { $0 != ":" })"
    }
}

extension Console {
    /// Shows the panel at the bottom of the terminal, as wide as that is now.
    package static func showLive(_ panel: ProgressPanel) {
        let limit = lineLimit ?? OutputWidth.usual
        showLive(panel.lines(limit: limit).joined(separator: "\n"))
    }
}

extension ProgressPanel {
    /// The panel for the characters that the terminal shows.
    package init(_ status: RunStatus, _ measures: Measures) {
        self.init(status, measures, isPlain: !Console.showsUnicode)
    }
}
