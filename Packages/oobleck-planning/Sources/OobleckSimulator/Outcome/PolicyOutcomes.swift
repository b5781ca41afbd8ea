/// What came of one policy in all trials.
public struct PolicyOutcomes: Sendable {
    /// The policy.
    public let policy: SimulatedPolicy
    /// Why it cannot run at all, if so.
    public let obstacle: String?
    /// One for each trial.
    public let outcomes: [SimulationOutcome]

    /// A mean over the trials.
    public func estimate(_ value: (SimulationOutcome) -> Double) -> SimulationEstimate {
        SimulationEstimate(outcomes.map(value))
    }

    /// The mean of the differences to another policy in the same worlds.
    public func difference(
        to other: PolicyOutcomes,
        _ value: (SimulationOutcome) -> Double
    ) -> SimulationEstimate {
        SimulationEstimate(zip(outcomes, other.outcomes).map { value($0) - value($1) })
    }
}
