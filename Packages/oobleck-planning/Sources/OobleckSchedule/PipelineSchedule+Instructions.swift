public import OobleckValues

extension PipelineSchedule {
    /// What stage `stage` of `stageCount` does in a step of `microbatches` microbatches, in order.
    public func instructions(stage: Int, stageCount: Int, microbatches: Int) -> [Instruction] {
        switch self {
        case .oneForwardOneBackward:
            OneForwardOneBackward.instructions(
                stage: stage,
                stageCount: stageCount,
                microbatches: microbatches
            )
        }
    }
}
