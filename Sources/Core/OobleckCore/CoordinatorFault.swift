/// The named places in the coordinator's decisions where its death can be staged.
package enum CoordinatorFailurePoint: String, Sendable, Codable, CaseIterable {
    /// After all workers have voted for a step, before the decision is persisted or sent.
    case beforeRecord = "before-record"
    /// After the step is in the ledger, before any worker is told: between the two phases of its
    /// commit.
    case afterRecord = "after-record"
    /// After the first worker was told of a commit, before the others are.
    case midCommit = "mid-commit"
    /// After a plan is decided, before it is persisted or sent.
    case beforePlan = "before-plan"
    /// After persisting a plan, before sending it.
    case afterPlan = "after-plan"
    /// After the first worker was told of a plan, before the others are.
    case midPlan = "mid-plan"
    /// After all workers are prepared, before the activation of the plan is persisted or sent.
    case beforeResume = "before-resume"
    /// After persisting the activation, before sending resume.
    case afterResume = "after-resume"
    /// After the first worker was told to resume, before the others are.
    case midResume = "mid-resume"
    /// After the first worker was told to evaluate the state, before the others are.
    case midEvaluation = "mid-evaluation"
    /// After the result of an evaluation is in the ledger, before training resumes.
    case afterEvaluation = "after-evaluation"
    /// After a lost node was fenced, before any other reaction to its loss.
    case afterFence = "after-fence"
    /// After the first piece of the final state is stored.
    case midCollection = "mid-collection"
    /// After the final state is complete, before it or the result is persisted.
    case beforeResult = "before-result"
    /// After persisting the result, before any node is told to leave.
    case afterResult = "after-result"

    /// Whether the point is passed in every step, and not only when plans change.
    package var isOfStep: Bool {
        switch self {
        case .beforeRecord, .afterRecord, .midCommit: true
        default: false
        }
    }
}

/// A staged death of the coordinator's process, by SIGKILL.
package struct CoordinatorFault: Hashable, Sendable, Codable, CustomStringConvertible {
    package var point: CoordinatorFailurePoint
    /// The step in which it happens; for points that not every step passes, the first at or after
    /// it.
    package var step: Int

    package init(point: CoordinatorFailurePoint, step: Int) {
        self.point = point
        self.step = step
    }

    /// Whether it happens at its point in this step.
    package func isDue(at step: Int) -> Bool {
        point.isOfStep ? step == self.step : step >= self.step
    }

    package var description: String { "coordinator,point=\(point.rawValue),step=\(step)" }
}
