public import OobleckValues

/// When each instruction of a pipeline's step runs, found by walking the dependency graph.
///
/// A forward pass waits for the same microbatch's forward pass at the stage before, a backward pass
/// for its backward pass at the stage after and its own forward pass, and each stage runs its
/// instructions one at a time in order. What a pass leaves for a neighbour is sent at once, beside
/// the passes that follow, and arrives after its ``StageTime/handover``; one link carries activations
/// to the stage after and one their gradients back, each one thing at a time in order. O(S m).
public struct ScheduleTimeline: Sendable {
    /// From the first instruction's start to the last one's end.
    public let makespan: Seconds
    /// When each stage's instructions end, in their order.
    public let ends: [[Seconds]]
    private let busy: Seconds

    /// The step of a pipeline that runs `microbatches` microbatches in the order of `schedule`.
    public init(
        _ schedule: PipelineSchedule = .oneForwardOneBackward,
        stages: [StageTime],
        microbatches: Int
    ) {
        let instructions = stages.indices.map {
            schedule.instructions(stage: $0, stageCount: stages.count, microbatches: microbatches)
        }
        guard let timeline = Self(stages: stages, instructions: instructions) else {
            preconditionFailure("\(schedule.rawValue) of \(stages.count) stages stops")
        }
        self = timeline
    }

    /// The step of a pipeline whose stages run these instructions, or `nil` if they wait for each
    /// other forever.
    public init?(stages: [StageTime], instructions: [[Instruction]]) {
        precondition(stages.count == instructions.count, "one list of instructions for each stage")
        var walk = Walk(stages: stages)
        var hasProgress = true
        // Each round but the last advances some stage: at most as many as there are instructions.
        while hasProgress {
            hasProgress = false
            for stage in stages.indices {
                while walk.ends[stage].count < instructions[stage].count,
                    walk.run(instructions[stage][walk.ends[stage].count], at: stage)
                {
                    hasProgress = true
                }
            }
        }
        guard zip(walk.ends, instructions).allSatisfy({ $0.count == $1.count }) else { return nil }
        ends = walk.ends
        makespan = ends.compactMap(\.last).max() ?? .zero
        busy = zip(stages, instructions).reduce(.zero) { sum, pair in
            pair.1.reduce(sum) { $0 + pair.0.duration($1) }
        }
    }

    /// The bubble: the share of all stages' time in which a stage waits, from 0 to 1.
    public var bubbleShare: Double {
        let available = makespan.value * Double(ends.count)
        return available > 0 ? 1 - busy.value / available : 0
    }
}

/// What has run so far, and what is on its way.
private struct Walk {
    private let stages: [StageTime]
    private(set) var ends: [[Seconds]]
    /// Forward passes done at each stage.
    private var forwards: [Set<Int>]
    /// When the inputs that a neighbour sends are there, by stage.
    private var arrivals: [[Instruction: Seconds]]
    /// Until when the links to the stage after and to the one before are busy.
    private var busyToNext: [Seconds]
    private var busyToPrevious: [Seconds]

    init(stages: [StageTime]) {
        self.stages = stages
        ends = stages.map { _ in [] }
        forwards = stages.map { _ in [] }
        arrivals = stages.map { _ in [:] }
        busyToNext = stages.map { _ in .zero }
        busyToPrevious = busyToNext
    }

    /// Runs an instruction if its inputs are known.
    mutating func run(_ instruction: Instruction, at stage: Int) -> Bool {
        guard let ready = ready(instruction, at: stage) else { return false }
        let end = max(ready, ends[stage].last ?? .zero) + stages[stage].duration(instruction)
        ends[stage].append(end)
        switch instruction {
        case .forward(let microbatch):
            forwards[stage].insert(microbatch)
            guard stage + 1 < stages.count else { break }
            busyToNext[stage] = max(end, busyToNext[stage]) + stages[stage].handover.busy
            arrivals[stage + 1][instruction] = busyToNext[stage] + stages[stage].handover.latency
        case .backward:
            guard stage > 0 else { break }
            let handover = stages[stage - 1].handover
            busyToPrevious[stage] = max(end, busyToPrevious[stage]) + handover.busy
            arrivals[stage - 1][instruction] = busyToPrevious[stage] + handover.latency
        }
        return true
    }

    /// When the instruction's inputs are there, or `nil` as long as one is not known.
    private func ready(_ instruction: Instruction, at stage: Int) -> Seconds? {
        switch instruction {
        case .forward: return stage == 0 ? .zero : arrivals[stage][instruction]
        case .backward(let microbatch):
            // Its own forward pass ended before: the stage does one thing after the other.
            guard forwards[stage].contains(microbatch) else { return nil }
            return stage == stages.count - 1 ? .zero : arrivals[stage][instruction]
        }
    }
}

extension StageTime {
    fileprivate func duration(_ instruction: Instruction) -> Seconds {
        switch instruction {
        case .forward: forward
        case .backward: backward
        }
    }
}

extension OneForwardOneBackward {
    /// Makespan of one step of a pipeline with these stages.
    public static func makespan(stages: [StageTime], microbatches: Int) -> Seconds {
        ScheduleTimeline(stages: stages, microbatches: microbatches).makespan
    }

    /// Share of all stages' time in one step in which a stage waits.
    public static func bubbleShare(stages: [StageTime], microbatches: Int) -> Double {
        ScheduleTimeline(stages: stages, microbatches: microbatches).bubbleShare
    }
}
