public import OobleckValues

/// The makespans of 1F1B with one microbatch, two, three and so on, all in one walk.
///
/// Up to the forward pass of the last microbatch, a step of m microbatches runs like a longer one;
/// only the backward passes after it differ. So each further microbatch costs one round of the
/// steady phase, O(S), and the rest of its backward passes, O(S^2).
/// ``OneForwardOneBackward/makespan(stages:microbatches:)`` walks the whole step instead, O(S m). The times are equal to
/// the last bit. O(S) space, because a round needs only the latest time of a neighbour.
public struct ScheduleMakespans: Sendable {
    private let forwards: [Double]
    private let backwards: [Double]
    /// Of the handover from the stage to the one after, and back.
    private let busy: [Double]
    private let latencies: [Double]
    /// Microbatches so far.
    private var count = 0
    /// End of each stage's latest pass, as if more microbatches followed.
    private var ends: [Double]
    /// When the latest gradient arrived at each stage from the one after.
    private var gradientArrivals: [Double]
    /// Until when the link to the stage after, and the one back, are busy.
    private var forwardLinks: [Double]
    private var backwardLinks: [Double]

    /// The walk before the first microbatch; there must be a stage.
    public init(stages: [StageTime]) {
        precondition(!stages.isEmpty, "a pipeline has at least one stage")
        forwards = stages.map(\.forward.value)
        backwards = stages.map(\.backward.value)
        busy = stages.map(\.handover.busy.value)
        latencies = stages.map(\.handover.latency.value)
        ends = [Double](repeating: 0, count: stages.count)
        gradientArrivals = ends
        forwardLinks = ends
        backwardLinks = ends
    }

    /// The makespans with 1 to `most` microbatches.
    public static func all(stages: [StageTime], upTo most: Int) -> [Seconds] {
        var walk = ScheduleMakespans(stages: stages)
        return (0..<max(0, most)).map { _ in
            walk.advance()
            return walk.makespan()
        }
    }

    /// When the last backward pass ends at each stage, with `microbatches` microbatches.
    public static func stageEnds(stages: [StageTime], microbatches: Int) -> [Seconds] {
        var walk = ScheduleMakespans(stages: stages)
        for _ in 0..<max(0, microbatches) { walk.advance() }
        return walk.stageEnds().map { Seconds($0) }
    }

    /// Adds a microbatch: its forward passes, and the backward passes that come before them.
    public mutating func advance() {
        let stageCount = ends.count
        var arrival = 0.0
        for stage in 0..<stageCount {
            var end = ends[stage]
            if count >= stageCount - stage {
                // The gradient that the stage after sent in the round before this one.
                end = max(gradientArrivals[stage], end) + backwards[stage]
                if stage > 0 {
                    backwardLinks[stage - 1] = max(end, backwardLinks[stage - 1]) + busy[stage - 1]
                    gradientArrivals[stage - 1] = backwardLinks[stage - 1] + latencies[stage - 1]
                }
            }
            end = max(arrival, end) + forwards[stage]
            ends[stage] = end
            if stage + 1 < stageCount {
                forwardLinks[stage] = max(end, forwardLinks[stage]) + busy[stage]
                arrival = forwardLinks[stage] + latencies[stage]
            }
        }
        count += 1
    }

    /// The makespan of a step of the microbatches so far; zero without any.
    public func makespan() -> Seconds { Seconds(stageEnds()[0]) }

    /// The end of the last backward pass at each stage: the first stage's is the last of all.
    private func stageEnds() -> [Double] {
        let stageCount = ends.count
        var result = ends
        // When gradients arrive at the stage, by how many microbatches come after theirs.
        var arrivals = [Double](repeating: 0, count: min(count, stageCount))
        var isFirst = true
        for stage in (0..<stageCount).reversed() {
            let left = min(count, stageCount - stage)
            if !isFirst, left > min(count, stageCount - stage - 1) {
                // The stage after has one backward pass less to go: its gradient came before.
                arrivals[left - 1] = gradientArrivals[stage]
            }
            isFirst = false
            var end = ends[stage]
            var link = stage > 0 ? backwardLinks[stage - 1] : 0
            for after in (0..<left).reversed() {
                end = max(arrivals[after], end) + backwards[stage]
                guard stage > 0 else { continue }
                link = max(end, link) + busy[stage - 1]
                arrivals[after] = link + latencies[stage - 1]
            }
            result[stage] = end
        }
        return result
    }
}
