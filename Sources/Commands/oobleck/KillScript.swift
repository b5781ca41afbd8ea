import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckRecording
import OobleckTransport
import Synchronization

/// Kills nodes of a run one after the other, each in the middle of a step, and writes down under which
/// plans it trained.
final class KillScript: Sendable {
    /// One kill: of the last node of a pipeline of this size.
    struct Kill: Sendable {
        let pipelineSize: Int
    }

    private struct State {
        var kills: [Kill]
        /// With the nodes that were killed before each.
        var plans: [(document: PlanDocument, lost: [NodeID])] = []
        var recoveries = 0
        var killed: [NodeID] = []
        /// Killed, and not in a plan yet.
        var pending: [NodeID] = []
        var lastCommit: Seconds?
        var isEnded = false
    }

    /// Steps between a recovery and the next kill.
    private static let pause = 2

    private let display: RunDisplay
    private let end: Seconds
    private let queue = DispatchQueue(label: "oobleck.kills")
    private let state: Mutex<State>

    /// A script that stops its run `deadline` after now.
    init(_ kills: [Kill], display: RunDisplay, deadline: Seconds) {
        self.display = display
        end = MonotonicTime.now + deadline
        state = Mutex(State(kills: kills))
    }

    /// The plans in order.
    var plans: [(document: PlanDocument, lost: [NodeID])] { state.withLock(\.plans) }

    func follow(_ notice: RunNotice, _ controls: LocalRun.Controls) {
        stopIfLate(controls)
        switch notice {
        case .planned(let plan):
            state.withLock { state in
                state.plans.append((plan, state.pending))
                state.pending = []
            }
        case .recovered: state.withLock { $0.recoveries += 1 }
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
            guard let next = state.kills.first, state.recoveries == state.killed.count,
                step > Self.pause * (state.killed.count + 1), let plan = state.plans.last?.document,
                let pipeline = plan.plan.pipelines.last(where: {
                    $0.nodes.count == next.pipelineSize
                }), let node = pipeline.nodes.last
            else { return }
            state.kills.removeFirst()
            state.killed.append(node)
            state.pending.append(node)
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
