import OobleckCore

/// The data that a job measures the loss of, and does not train on.
///
/// An evaluation takes its first samples, in their order.
package struct ValidationData {
    package let data: TrainingData
    /// Global batches of one evaluation.
    package let batches: Int

    /// Reads what the job names; `nil` when it names nothing.
    ///
    /// Throws `.inputData` when it does not fit the model, or has too few samples.
    package static func load(
        _ job: JobSpecification,
        look: FirstLook = FirstLook()
    ) throws -> ValidationData? {
        guard let validation = job.validation else { return nil }
        var other = job
        other.corpusPath = validation.dataPath
        if let format = validation.format { other.corpusTokenBytes = format.tokenBytes }
        let data = try TrainingData.load(other, look: look)
        return ValidationData(
            data: data,
            batches: try batches(of: try data.sampleCount(), validation, job.training)
        )
    }

    private static func batches(
        of samples: Int,
        _ validation: ValidationSpecification,
        _ training: TrainingSpecification
    ) throws -> Int {
        let whole = samples / training.globalBatch
        let batches = validation.batches ?? whole
        guard whole >= max(1, batches) else {
            throw OobleckError(
                .inputData,
                "\(validation.dataPath): has \(counted(samples, "sample")) to evaluate, and "
                    + "\(counted(max(1, batches), "batch")) of training.global_batch "
                    + "\(training.globalBatch) take \(max(1, batches) * training.globalBatch)"
            )
        }
        let most = ValidationSpecification.mostMicrobatches / training.microbatchCount
        guard batches <= most else {
            throw OobleckError(
                .inputData,
                "\(validation.dataPath): an evaluation of \(batches) batches is too long; set "
                    + "evaluate.batches to at most \(most)"
            )
        }
        return batches
    }
}
