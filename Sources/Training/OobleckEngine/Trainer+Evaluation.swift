import OobleckClock
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// Evaluating the state on the validation data.
extension Trainer {
    /// The data of an evaluation.
    struct Validation {
        let source: MicrobatchSource
        /// Global batches of one evaluation.
        let batches: Int
    }

    /// Measures the loss of the state under a prepared generation, and reports it.
    ///
    /// The state stays as it is.
    func evaluate(_ generation: Generation, step: Int) throws {
        let loaded = try requireLoaded()
        guard let prepared = try adopt(generation), let assignment = prepared.assignment else {
            return
        }
        guard let validation = loaded.validation else {
            throw OobleckError(.internalFault, "an evaluation was ordered, and the job has none")
        }
        // A loss that is recorded cannot be taken back.
        let damaged = try damagedLayers()
        guard damaged.isEmpty else { return link.send(report(ofDamaged: damaged, generation)) }
        link.send(.resumed(generation: generation, step: step))
        var runner: EvaluationRunner?
        do {
            let new = try EvaluationRunner(
                job: loaded.job,
                computation: StageComputation(
                    model: loaded.model,
                    seed: loaded.job.training.seed,
                    layers: assignment.layers.compactMap { held[$0] },
                    precision: loaded.job.training.precision
                ),
                assignment: assignment,
                validation: validation,
                resources: prepared.resources,
                group: prepared.resources.group(
                    prepared.groupPlan.pipelineGroups[assignment.pipeline]
                ),
                step: step
            )
            runner = new
            try new.run { [link] report in
                if let report { link.send(.evaluated(report)) }
                loaded.faults.reach(.midEvaluation, step: step)
            }
        } catch let error as TensorError where error.code != .outOfMemory {
            // A global batch takes as long as a step at most, and is judged like one.
            abandoned = runner.map {
                AbandonedTry(step: step, elapsed: MonotonicTime.now - $0.begun, waited: $0.waited)
            }
            reportFault(error, generation: generation)
        }
    }
}
