/// The named places in the coordinator's decisions where its death can be staged.
package enum CoordinatorFailurePoint: String, Sendable, Codable, CaseIterable {
    /// All have voted for a step; nothing of the decision is kept or sent.
    case beforeRecord = "before-record"
    /// A step is in the ledger, and nobody was told: between the two phases of its commit.
    case afterRecord = "after-record"
    /// The first worker was told of a commit, the others not.
    case midCommit = "mid-commit"
    /// A plan is decided, and neither kept nor sent.
    case beforePlan = "before-plan"
    /// A plan is kept, and nobody was told.
    case afterPlan = "after-plan"
    /// The first worker was told of a plan, the others not.
    case midPlan = "mid-plan"
    /// All are prepared; that the plan is in force is neither kept nor sent.
    case beforeResume = "before-resume"
    /// It is kept that a plan is in force, and nobody was told.
    case afterResume = "after-resume"
    /// The first worker was told to resume, the others not.
    case midResume = "mid-resume"
    /// A lost node was put out, and nothing else was done about it yet.
    case afterFence = "after-fence"
    /// The first piece of the final state is stored.
    case midCollection = "mid-collection"
    /// The final state is complete; neither it nor the result is kept.
    case beforeResult = "before-result"
    /// The result is kept, and no node was told to leave.
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
