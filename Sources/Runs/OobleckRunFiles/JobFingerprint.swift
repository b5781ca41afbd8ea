import OobleckCore
import OobleckData

/// Tells one job's states from another's.
///
/// Covers what the state after a step follows from, and nothing else: not how many steps are trained,
/// but those that the learning rate's schedule is made for; not the nodes, since the state
/// is the same on any number of them, and not the corpus, whose digest stands beside it.
package enum JobFingerprint {
    private struct Content: Encodable {
        let model: ModelSpecification
        let training: TrainingSpecification
        let initialWeights: String?
        /// `nil` is left out: jobs without one have the fingerprint that they always had.
        let masking: MaskingSpecification?
    }

    /// SHA-256, hexadecimal.
    package static func of(_ job: JobSpecification) throws -> String {
        var training = job.training
        // How far the run goes changes no step's state; how far its schedule goes does.
        (training.steps, training.decaySteps) = (training.scheduledSteps, nil)
        // What is computed again comes to the same bits.
        training.recompute = nil
        var model = job.model
        if case .imported(var imported) = model {
            // Its folder may lie anywhere; the manifest's digest stands for what is in it.
            imported.path = ""
            model = .imported(imported)
        }
        let content = Content(
            model: model,
            training: training,
            initialWeights: job.initialWeightsPath,
            masking: job.masking
        )
        var hasher = SHA256Hasher()
        hasher.update(try JSONDocument.bytes(content))
        return hasher.hexadecimal
    }
}
