import OobleckCore
import OobleckData

/// Tells one job's states from another's.
///
/// Covers what the state after a step follows from, and nothing else: not the nodes, since the state
/// is the same on any number of them, and not the corpus, whose digest stands beside it.
package enum JobFingerprint {
    private struct Content: Encodable {
        let model: ModelSpecification
        let training: TrainingSpecification
        let initialWeights: String?
    }

    /// SHA-256, hexadecimal.
    package static func of(_ job: JobSpecification) throws -> String {
        let content = Content(
            model: job.model,
            training: job.training,
            initialWeights: job.initialWeightsPath
        )
        var hasher = SHA256Hasher()
        hasher.update(try JSONDocument.bytes(content))
        return hasher.hexadecimal
    }
}
