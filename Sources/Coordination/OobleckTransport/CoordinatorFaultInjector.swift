import Foundation
import OobleckCoordination
import OobleckCore

/// Stages deaths of the coordinator's process at named points (`oobleck train --fault
/// coordinator,...`), for tests and demonstrations.
///
/// Without staged deaths it does nothing.
package struct CoordinatorFaultInjector: Sendable {
    private let pending: [CoordinatorFault]
    private var committedSteps: Int
    private let onDeath: @Sendable (CoordinatorFault) -> Void

    /// An injector of a run with so many steps committed; `onDeath` is called just before a staged
    /// death.
    package init(
        _ faults: [CoordinatorFault] = [],
        committedSteps: Int = 0,
        onDeath: @escaping @Sendable (CoordinatorFault) -> Void = { _ in }
    ) {
        pending = faults
        self.committedSteps = committedSteps
        self.onDeath = onDeath
    }

    mutating func reachBefore(_ directive: CoordinatorInstance.Directive) {
        guard !pending.isEmpty else { return }
        switch directive {
        case .persist(.committed(let step)):
            reach(.beforeRecord, step: step.step)
            committedSteps = step.step + 1
        case .persist(.planned): reach(.beforePlan)
        case .persist(.inForce): reach(.beforeResume)
        case .write: reach(.beforeResult)
        default: break
        }
    }

    /// `flush` returns once what was sent in a session has left.
    func reachAfter(_ directive: CoordinatorInstance.Directive, flush: (SessionID) -> Void) {
        guard !pending.isEmpty else { return }
        switch directive {
        case .persist(.planned): reach(.afterPlan)
        case .persist(.inForce): reach(.afterResume)
        case .record(let step): reach(.afterRecord, step: step.step)
        case .recordEvaluation(let recorded): reach(.afterEvaluation, step: recorded.step)
        case .worker(let session, .message(let message)):
            reachAfter(message) { flush(session) }
        case .fence: reach(.afterFence)
        case .store: reach(.midCollection)
        case .conclude: reach(.afterResult)
        default: break
        }
    }

    private func reachAfter(_ message: CoordinatorMessage, flush: () -> Void) {
        switch message {
        case .commit(let commit): reach(.midCommit, step: commit.step, prepare: flush)
        case .reconfigure(let plan):
            reach(.midPlan, step: plan.committedSteps, prepare: flush)
        case .evaluate(_, let step): reach(.midEvaluation, step: step, prepare: flush)
        case .resume(_, let step): reach(.midResume, step: step, prepare: flush)
        default: break
        }
    }

    /// Dies here if that is staged.
    private func reach(
        _ point: CoordinatorFailurePoint,
        step: Int? = nil,
        prepare: () -> Void = {}
    ) {
        let step = step ?? committedSteps
        guard let fault = pending.first(where: { $0.point == point && $0.isDue(at: step) }) else {
            return
        }
        prepare()
        onDeath(fault)
        kill(getpid(), SIGKILL)
        // The signal is on its way; nothing more may happen here.
        while true { pause() }
    }
}
