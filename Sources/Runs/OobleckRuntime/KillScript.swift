import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckRecording
import OobleckTransport
import Synchronization

/// Kills nodes of a run one after the other, each in the middle of a step, and writes down under which
/// plans it trained.
package final class KillScript: Sendable {
    /// One kill: of the last node of a pipeline of this size.
    package struct Kill: Hashable, Sendable {
        let pipelineSize: Int

        package init(pipelineSize: Int) { self.pipelineSize = pipelineSize }
    }

    private struct State {
        var schedule: KillSchedule
        var lastCommit: Seconds?
        var isEnded = false
    }

    private let display: RunDisplay
    private let end: Seconds
    private let queue = DispatchQueue(label: "oobleck.kills")
    private let state: Mutex<State>

    /// A script that stops its run `deadline` after now.
    package init(_ kills: [Kill], display: RunDisplay, deadline: Seconds) {
        self.display = display
        end = MonotonicTime.now + deadline
        state = Mutex(State(schedule: KillSchedule(kills)))
    }

    /// The plans in order.
    package var plans: [(document: PlanDocument, lost: [NodeID])] {
        state.withLock(\.schedule.plans)
    }

    package func follow(_ update: RunUpdate, _ controls: LocalRun.Controls) {
        stopIfLate(controls)
        switch update {
        case .planned(let plan): state.withLock { $0.schedule.planned(plan) }
        case .recovered: state.withLock { $0.schedule.recovered() }
        case .committed(let step): kill(after: step.step + 1, controls)
        default: break
        }
    }

    /// Status comes several times a second, so that a run without progress is stopped too.
    private func stopIfLate(_ controls: LocalRun.Controls) {
        guard MonotonicTime.now > end else { return }
        let isFirst = state.withLock { state in
            defer { state.isEnded = true }
            return !state.isEnded
        }
        guard isFirst else { return }
        controls.server.submit(.endRequested(reason: "the evaluation's deadline passed"))
    }

    private func kill(after step: Int, _ controls: LocalRun.Controls) {
        let now = MonotonicTime.now
        state.withLock { state in
            let stepTime = state.lastCommit.map { now - $0 } ?? 0
            state.lastCommit = now
            guard let node = state.schedule.victim(after: step) else { return }
            let display = display
            queue.asyncAfter(deadline: .now() + min(2, stepTime.value / 2)) {
                display.say(
                    "SIGKILL to agent and worker of node \(node), in the middle of step \(step)"
                )
                controls.kill(node)
            }
        }
    }
}
