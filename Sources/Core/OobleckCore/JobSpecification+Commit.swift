/// How a step's loss and gradient follow from those of its microbatches.
extension JobSpecification {
    /// What the microbatches' mean gradient is multiplied with to be that of the step's loss.
    ///
    /// Where the loss is a mean over `targets` targets, workers sum the gradients of the microbatches'
    /// sums times ``ImportManifest/Loss/scale``, since none of them knows how many targets the others
    /// have; with M microbatches, `M / (scale * targets)` makes the mean of it. Without any target there
    /// is no gradient.
    package func gradientCorrection(targets: Int?) -> Double {
        guard let targets, let scale = model.imported?.manifest.loss.scale else { return 1 }
        return targets > 0 ? Double(training.microbatchCount) / (scale * Double(targets)) : 0
    }

    /// The decision that a step counts, as workers are told: it follows from the step's record.
    package func commit(of record: CommittedStep, pauses: Bool) -> StepCommit {
        let (norm, bound) = (record.gradientNorm, training.gradientClip)
        let coefficient = norm > bound ? bound / (norm + 1e-6) : 1
        let isSkipped = record.skipped != nil
        let correction = gradientCorrection(targets: record.targets)
        return StepCommit(
            record: record,
            gradientFactor: isSkipped ? 1 : coefficient * correction,
            pauses: pauses,
            skips: isSkipped
        )
    }
}

extension ImportManifest.Loss {
    /// What the gradient of a microbatch's loss is seeded with: about one over its targets, so that
    /// gradients have the size of those of a mean; a power of two, so that it changes no digit.
    package var scale: Double {
        var scale = 1.0
        while scale * Double(targets ?? 1) > 1 { scale /= 2 }
        return scale
    }
}
