public import OobleckValues

/// When a policy writes checkpoints, and whether training waits for them.
public struct CheckpointPlan: Hashable, Sendable {
    /// From one checkpoint to the next.
    public enum Interval: Hashable, Sendable {
        /// This many steps.
        case steps(Int)
        /// This long.
        case time(Seconds)
        /// As long as loses the least: the square root of twice the hold-up times the mean time to
        /// failure (Young, CACM 1974; Daly, FGCS 2006, to first order).
        case youngDaly
    }

    /// From one to the next.
    public var interval: Interval
    /// Whether training only waits for a copy in memory.
    public var isAsynchronous: Bool
    /// Mean time between failures of the whole job; `nil` if it never fails.
    public var meanTimeToFailure: Seconds?

    /// A plan.
    public init(
        _ interval: Interval = .youngDaly,
        isAsynchronous: Bool = false,
        meanTimeToFailure: Seconds?
    ) {
        self.interval = interval
        self.isAsynchronous = isAsynchronous
        self.meanTimeToFailure = meanTimeToFailure
    }

    /// How long training is held up for one checkpoint.
    func holdUp(_ model: ClusterModel, nodesPerPipeline: Int) -> SimulatedTime {
        let snapshot = model.snapshotTime(nodesPerPipeline: nodesPerPipeline)
        return isAsynchronous ? snapshot : snapshot + model.storageTime()
    }

    /// The rhythm at steps of one length.
    func rhythm(
        _ model: ClusterModel,
        step: SimulatedTime,
        nodesPerPipeline: Int
    ) -> CheckpointRhythm {
        let holdUp = holdUp(model, nodesPerPipeline: nodesPerPipeline)
        let writing = isAsynchronous ? model.storageTime() : .zero
        let least = isAsynchronous ? writing.seconds : 0
        let wanted: Double
        switch interval {
        case .steps(let steps):
            return CheckpointRhythm(steps: steps, holdUp: holdUp, writing: writing)
        case .time(let time): wanted = time.value
        case .youngDaly:
            // Without failures none is needed; one a day costs next to nothing.
            wanted =
                meanTimeToFailure.map { (2 * holdUp.seconds * $0.value).squareRoot() } ?? 86_400
        }
        let steps = max(wanted, least) / max(step.seconds, 1e-9)
        return CheckpointRhythm(
            steps: Int(min(max(1, steps.rounded()), 1e9)),
            holdUp: holdUp,
            writing: writing
        )
    }
}
