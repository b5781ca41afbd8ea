import Foundation
import OobleckClock
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckRecording
import OobleckText
import OobleckTransport
import Synchronization

/// Shows how a run goes: on a terminal one live line, elsewhere a line when something changed; and
/// one line for each event that matters.
package final class RunDisplay: Sendable {
    private struct State {
        var pace = ProgressPace()
        var log = ProgressLog()
        /// Whether a node was lost and the run has not recovered yet.
        var isRecovering = false
    }

    /// Said when somebody asks for the end of a run.
    static let stopping = "stopping after this step; a second Ctrl-C or SIGTERM stops at once"

    private let isTerminal = Console.isTerminal
    private let start = MonotonicTime.now
    private let state = Mutex(State())

    package init() {}

    func show(_ notice: RunNotice) {
        switch notice {
        case .committed, .measured, .evaluated, .planned, .dropped: break
        case .recovered(let recovery):
            state.withLock { $0.isRecovering = false }
            say("recovered: \(recovery.summary)")
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
            let line = ProgressLine(
                status,
                stepTime: state.pace.usual,
                running: state.pace.long(at: now)
            )
            .text(limit: Console.lineLimit)
            Console.showLive(line)
        }
    }
}
