import OobleckCore

/// What one worker does under a plan: its stage, its neighbours, its microbatches.
package struct StageAssignment: Equatable {
    package let pipeline: Int
    package let stage: Int
    package let stageCount: Int
    package let layers: Range<Int>
    /// The global batch's microbatches that this pipeline runs, by index in the batch.
    package let microbatches: Range<Int>
    /// The order of the passes.
    package let schedule: PipelineSchedule

    /// The assignment of a worker, or `nil` when the plan gives it no work.
    package init?(worker: WorkerID, in reconfiguration: Reconfiguration) {
        var firstMicrobatch = 0
        for (index, pipeline) in reconfiguration.plan.pipelines.enumerated() {
            let next = firstMicrobatch + pipeline.microbatches
            let workers = reconfiguration.workers(of: pipeline)
            if let stage = workers.firstIndex(of: worker) {
                let stages = reconfiguration.template(of: pipeline).stages
                self.pipeline = index
                self.stage = stage
                stageCount = stages.count
                layers = stages[stage].layers
                microbatches = firstMicrobatch..<next
                schedule = pipeline.schedule
                return
            }
            firstMicrobatch = next
        }
        return nil
    }

    var isFirstStage: Bool { stage == 0 }
    var isLastStage: Bool { stage == stageCount - 1 }
}
