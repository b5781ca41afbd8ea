import Foundation
import OobleckClock
import OobleckControl
import OobleckCore
import OobleckRecording
import Synchronization

/// Shows how a run goes: on a terminal one live line, elsewhere a line every few seconds; and one
/// line for each event that matters.
final class RunDisplay: Sendable {
    private struct State {
        var hasLiveLine = false
        var shown = MonotonicTime.now
        var stepTime: Double?
        var step = -1
        /// Whether a node was lost and the run has not recovered yet.
        var isRecovering = false
    }

    /// How often a line is printed where it cannot be replaced.
    private static let plainInterval: Seconds = 4

    private let isTerminal = Console.isTerminal
    private let wraps: Bool
    private let state = Mutex(State())

    /// A display.
    ///
    /// With `wraps`, long lines are broken even when not on a terminal.
    init(wraps: Bool = false) { self.wraps = wraps }

    func show(_ notice: RunNotice) {
        switch notice {
        case .committed, .planned: break
        case .recovered(let recovery):
            state.withLock { $0.isRecovering = false }
            say("recovered: \(recovery.summary)")
        case .event(let event): show(event)
        case .status(let status): show(status)
        case .finished: clear()
        }
    }

    /// Prints a line above the live line.
    func say(_ text: String) {
        state.withLock { state in
            erase(&state)
            Console.show(wraps || isTerminal ? Console.wrapped(text) : text)
        }
    }

    /// Takes the live line away.
    func clear() { state.withLock { erase(&$0) } }

    private func show(_ event: RunEvent) {
        switch event.kind {
        case .nodeLost:
            state.withLock { $0.isRecovering = true }
            say(event.message)
        case .nodeDrained, .warning, .refused, .skipped, .damaged, .slow, .evicted:
            say(event.message)
        case .checkpointFailed, .checkpointDamaged, .waitingForNodes, .restored, .stopping,
            .checkpointRequested:
            say(event.message)
        case .nodeJoined where event.step > 0: say(event.message)
        // After a loss, the line on the recovery says it all.
        case .planned where !state.withLock(\.isRecovering): say(event.message)
        default: break
        }
    }

    private func show(_ status: RunStatus) {
        let now = MonotonicTime.now
        state.withLock { state in
            if status.step != state.step, let time = status.stepTime?.value {
                state.stepTime = state.stepTime.map { 0.8 * $0 + 0.2 * time } ?? time
                state.step = status.step
            }
            let line = Self.line(status, stepTime: state.stepTime)
            if isTerminal {
                Console.show("\r\u{1B}[K\(line)", terminator: "")
                state.hasLiveLine = true
            } else if now - state.shown >= Self.plainInterval {
                state.shown = now
                Console.show(line)
            }
        }
    }

    private func erase(_ state: inout State) {
        guard state.hasLiveLine else { return }
        state.hasLiveLine = false
        Console.show("\r\u{1B}[K", terminator: "")
    }

    /// The run in one line of at most 79 characters.
    static func line(_ status: RunStatus, stepTime: Double?) -> String {
        let alive = status.nodes.count { $0.state.isAlive }
        guard let loss = status.loss, status.phase == .training || status.phase == .reconfiguring
        else {
            let ready = status.nodes.count { $0.state == .healthy }
            let what = status.phase == .starting ? "\(counted(ready, "node")) ready" : ""
            return "step \(status.step)/\(status.steps)  \(status.phase.rawValue)  \(what)"
        }
        var parts = ["step \(status.step)/\(status.steps)", "loss \(Console.decimal(loss, 3))"]
        if let rate = status.tokensPerSecond { parts.append("\(Console.short(rate)) tok/s") }
        parts.append("nodes \(alive)")
        parts.append("pipelines \(status.pipelines)")
        if let bubble = status.bubble { parts.append("bubble \(Int((bubble * 100).rounded()))%") }
        if let stepTime {
            let left = Double(status.steps - status.step) * stepTime
            parts.append("ETA \(Console.clock(seconds: left))")
        }
        return String(parts.joined(separator: "  ").prefix(Console.width - 1))
    }
}
