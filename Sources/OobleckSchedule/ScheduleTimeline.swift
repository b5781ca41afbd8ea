import OobleckCore

/// Forward and backward time of one microbatch at one stage.
public struct StageTime: Hashable, Sendable {
    /// F.
    public var forward: Seconds
    /// B.
    public var backward: Seconds

    /// The times of one stage.
    public init(forward: Seconds, backward: Seconds) {
        self.forward = forward
        self.backward = backward
    }
}

/// When each instruction of a pipeline's step runs, found by walking the dependency graph.
///
/// A forward pass waits for the same microbatch's forward pass at the stage before, a backward pass
/// for its backward pass at the stage after and its own forward pass, and each stage runs its
/// instructions one at a time in order. Handing over activations takes no time. O(S m).
public struct ScheduleTimeline: Sendable {
    /// From the first instruction's start to the last one's end.
    public let makespan: Seconds
    /// When each stage's instructions end, in their order.
    public let ends: [[Seconds]]
    private let busy: Seconds

    /// The step of a pipeline that runs 1F1B with so many microbatches.
    public init(stages: [StageTime], microbatches: Int) {
        let instructions = stages.indices.map {
            OneForwardOneBackward.instructions(
                stage: $0,
                stageCount: stages.count,
                microbatches: microbatches
            )
        }
        guard let timeline = Self(stages: stages, instructions: instructions) else {
            preconditionFailure("1F1B of \(stages.count) stages stops")
        }
        self = timeline
    }

    /// The step of a pipeline whose stages run these instructions, or `nil` if they wait for each
    /// other forever.
    public init?(stages: [StageTime], instructions: [[Instruction]]) {
        precondition(stages.count == instructions.count, "one list of instructions for each stage")
        var finished: [[Instruction: Seconds]] = stages.map { _ in [:] }
        var ends: [[Seconds]] = stages.map { _ in [] }
        var hasProgress = true
        // Each round but the last advances some stage: at most as many as there are instructions.
        while hasProgress {
            hasProgress = false
            for stage in stages.indices {
                while ends[stage].count < instructions[stage].count {
                    let instruction = instructions[stage][ends[stage].count]
                    guard let ready = Self.ready(instruction, at: stage, finished) else { break }
                    let end =
                        max(ready, ends[stage].last ?? .zero)
                        + Self.duration(instruction, stages[stage])
                    finished[stage][instruction] = end
                    ends[stage].append(end)
                    hasProgress = true
                }
            }
        }
        guard zip(ends, instructions).allSatisfy({ $0.count == $1.count }) else { return nil }
        self.ends = ends
        makespan = ends.compactMap(\.last).max() ?? .zero
        busy = zip(stages, instructions).reduce(.zero) { sum, pair in
            pair.1.reduce(sum) { $0 + Self.duration($1, pair.0) }
        }
    }

    /// The share of all stages' time in which a stage waits, from 0 to 1.
    public var bubbleShare: Double {
        let available = makespan.value * Double(ends.count)
        return available > 0 ? 1 - busy.value / available : 0
    }

    /// When the instruction's inputs are there, or `nil` as long as one is not known.
    private static func ready(
        _ instruction: Instruction,
        at stage: Int,
        _ finished: [[Instruction: Seconds]]
    ) -> Seconds? {
        switch instruction {
        case .forward:
            return stage == 0 ? .zero : finished[stage - 1][instruction]
        case .backward(let microbatch):
            guard let forward = finished[stage][.forward(microbatch)] else { return nil }
            guard stage < finished.count - 1 else { return forward }
            guard let later = finished[stage + 1][instruction] else { return nil }
            return max(forward, later)
        }
    }

    private static func duration(_ instruction: Instruction, _ time: StageTime) -> Seconds {
        switch instruction {
        case .forward: time.forward
        case .backward: time.backward
        }
    }
}

/// Makespan of one step of a 1F1B pipeline.
public func makespan(stages: [StageTime], microbatches: Int) -> Seconds {
    ScheduleTimeline(stages: stages, microbatches: microbatches).makespan
}

/// Share of all stages' time in one step of a 1F1B pipeline in which a stage waits.
public func bubbleShare(stages: [StageTime], microbatches: Int) -> Double {
    ScheduleTimeline(stages: stages, microbatches: microbatches).bubbleShare
}
