import OobleckCore

/// The makespans of 1F1B with one microbatch, two, three and so on, all in one walk.
///
/// Up to the forward pass of the last microbatch, a step of m microbatches runs like one of more;
/// only the backward passes after it differ. So each further microbatch costs one round of the
/// steady part, O(S), and the rest of its backward passes, O(S^2), where
/// ``makespan(stages:microbatches:)`` walks everything anew, O(S m). The times are the same to the
/// last bit.
public struct ScheduleMakespans: Sendable {
    private let stages: [StageTime]
    /// Ends of the forward and backward passes as if more microbatches followed, by stage.
    private var forwardEnds: [[Double]]
    private var backwardEnds: [[Double]]
    /// Ends of the backward passes of the stage after, by microbatch.
    private var later: [Double] = []

    /// The walk before the first microbatch; there must be a stage.
    public init(stages: [StageTime]) {
        precondition(!stages.isEmpty, "a pipeline has at least one stage")
        self.stages = stages
        forwardEnds = stages.map { _ in [] }
        backwardEnds = forwardEnds
    }

    /// The makespans with 1 to `most` microbatches.
    public static func all(stages: [StageTime], upTo most: Int) -> [Seconds] {
        var walk = ScheduleMakespans(stages: stages)
        return (0..<max(0, most)).map { _ in
            walk.advance()
            return walk.makespan()
        }
    }

    /// Adds a microbatch: its forward passes, and the backward passes that come before them.
    public mutating func advance() {
        let microbatch = forwardEnds[0].count
        for stage in stages.indices {
            var free = forwardEnds[stage].last ?? 0
            let earlier = microbatch - (stages.count - stage)
            if earlier >= 0 {
                let ready =
                    stage + 1 < stages.count
                    ? backwardEnds[stage + 1][earlier] : forwardEnds[stage][earlier]
                free = max(ready, free) + stages[stage].backward.value
                backwardEnds[stage].append(free)
            }
            let ready = stage > 0 ? forwardEnds[stage - 1][microbatch] : 0
            forwardEnds[stage].append(max(ready, free) + stages[stage].forward.value)
        }
    }

    /// The makespan of a step of the microbatches so far; zero without any.
    public mutating func makespan() -> Seconds {
        let count = forwardEnds[0].count
        guard count > 0 else { return .zero }
        while later.count < count { later.append(0) }
        for stage in stages.indices.reversed() {
            var free = forwardEnds[stage][count - 1]
            let done = backwardEnds[stage].count
            if stage + 1 < stages.count, done < backwardEnds[stage + 1].count {
                later[done] = backwardEnds[stage + 1][done]
            }
            for microbatch in done..<count {
                let ready = stage + 1 < stages.count ? later[microbatch] : 0
                free = max(ready, free) + stages[stage].backward.value
                later[microbatch] = free
            }
        }
        return Seconds(later[count - 1])
    }
}
