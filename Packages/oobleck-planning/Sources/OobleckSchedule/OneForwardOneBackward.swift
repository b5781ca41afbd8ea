/// One piece of work of a stage in a step.
///
/// Microbatches are counted from zero in the pipeline.
public enum Instruction: Hashable, Sendable, CustomStringConvertible {
    /// The forward pass of a microbatch.
    case forward(Int)
    /// The backward pass of a microbatch.
    case backward(Int)

    /// As `F0` or `B3`.
    public var description: String {
        switch self {
        case .forward(let microbatch): "F\(microbatch)"
        case .backward(let microbatch): "B\(microbatch)"
        }
    }
}

/// The 1F1B schedule: each stage first runs as many forward passes as there are stages after it,
/// then one forward and one backward pass in turn, then the remaining backward passes.
///
/// At stage s of S at most S - s microbatches are in flight, which bounds the activations kept
/// (PipeDream-Flush: Narayanan et al., "Memory-Efficient Pipeline-Parallel DNN Training", 2021).
public struct OneForwardOneBackward: Sendable {
    /// What stage `stage` of `stageCount` does in a step of `microbatches` microbatches, in order.
    public static func instructions(
        stage: Int,
        stageCount: Int,
        microbatches: Int
    ) -> [Instruction] {
        precondition(
            (0..<stageCount).contains(stage) && microbatches >= 0,
            "no stage \(stage) of \(stageCount) with \(microbatches) microbatches"
        )
        let warmup = min(stageCount - 1 - stage, microbatches)
        var instructions = (0..<warmup).map { Instruction.forward($0) }
        for steady in 0..<(microbatches - warmup) {
            instructions.append(.forward(warmup + steady))
            instructions.append(.backward(steady))
        }
        instructions += ((microbatches - warmup)..<microbatches).map { .backward($0) }
        return instructions
    }
}
