import Dispatch
import OobleckClock
import OobleckCore
import OobleckRecording
import OobleckRuntime
import OobleckTransport
import Synchronization

/// What the demonstration does to its run: kills a node in the middle of a step, later another,
/// then adds one.
final class DemoScript: Sendable {
    private enum Act {
        case firstKill
        case secondKill
        case join
        case over
    }

    private struct State {
        var act = Act.firstKill
        var plan: PlanDocument?
        var recoveries = 0
        var lastCommit: Seconds?
        var stepTime: Seconds = 0
        /// No act before this step was committed.
        var notBefore = 0
        var joined: NodeID?
    }

    private let steps: Int
    private let display: RunDisplay
    private let queue = DispatchQueue(label: "oobleck.demo")
    private let state = Mutex(State())

    init(steps: Int, display: RunDisplay) {
        self.steps = steps
        self.display = display
    }

    /// Whether the node that was added has work under the last plan.
    var isJoined: Bool {
        state.withLock { state in
            guard let node = state.joined, let plan = state.plan else { return false }
            return plan.plan.nodes.contains(node)
        }
    }

    func follow(_ update: RunUpdate, _ controls: LocalRun.Controls) {
        switch update {
        case .planned(let plan): state.withLock { $0.plan = plan }
        case .recovered: state.withLock { $0.recoveries += 1 }
        case .committed(let step): act(after: step.step + 1, controls)
        default: break
        }
    }

    private func act(after step: Int, _ controls: LocalRun.Controls) {
        let now = MonotonicTime.now
        state.withLock { state in
            if let last = state.lastCommit { state.stepTime = now - last }
            state.lastCommit = now
            guard step >= state.notBefore else { return }
            switch state.act {
            case .firstKill where step >= steps / 3:
                kill(inPipeline: 0, step: step, &state, controls)
                state.act = .secondKill
                state.notBefore = step + max(2, steps / 6)
            case .secondKill where state.recoveries >= 1:
                kill(inPipeline: 1, step: step, &state, controls)
                state.act = .join
                state.notBefore = step + max(2, steps / 8)
            case .join where state.recoveries >= 2:
                state.act = .over
                join(&state, controls)
            default: break
            }
        }
    }

    /// Kills the last node of one of the pipelines, by size, halfway through the step that starts.
    private func kill(
        inPipeline index: Int,
        step: Int,
        _ state: inout State,
        _ controls: LocalRun.Controls
    ) {
        guard let pipelines = state.plan?.plan.pipelines else { return }
        let bySize = pipelines.sorted { $0.nodes.count > $1.nodes.count }
        guard let node = bySize[min(index, bySize.count - 1)].nodes.last else { return }
        let display = display
        queue.asyncAfter(deadline: .now() + min(2, state.stepTime.value / 2)) {
            display.say(
                "SIGKILL to agent and worker of node \(node), in the middle of step \(step)"
            )
            controls.kill(node)
        }
    }

    private func join(_ state: inout State, _ controls: LocalRun.Controls) {
        do {
            guard let node = try controls.localCluster?.addNode() else { return }
            state.joined = node
            display.say("adding node \(node)")
        } catch {
            display.say("cannot add a node: \(error)")
        }
    }
}
