import OobleckCore

/// What the votes of all nodes make of a step.
struct StepOutcome: Hashable, Sendable {
    /// Mean over all microbatches, or over all targets that count, in microbatch order.
    var loss: Double
    /// Global gradient norm, in layer order.
    var gradientNorm: Double
    /// Why the step's update is left out by all; `nil` for a step like any other.
    var skipped: String?
    /// Targets that the loss is the mean over; `nil` where every microbatch has as many.
    var targets: Int?
    /// The layer whose numbers are the reason, where one is.
    var skippedLayer: Int?
}

/// The rule for numbers that are not finite.
///
/// When the loss of a microbatch, the output of a layer or an addend of a gradient is not finite, or
/// an addend is too large for the exact sums, the whole step's update is left out, by all nodes. The
/// step counts all the same: its samples are used, and the learning rate and the optimizer's bias
/// correction go on as if it had been applied. Whether that is so depends on no plan, since each
/// microbatch is computed alike wherever it is.
struct NonFiniteRule {
    let profile: ModelProfile
    var model: ModelSpecification?

    /// Why a step with these findings is skipped, or `nil`.
    ///
    /// Names the first layer whose output is not finite, as all after it follow from that; else the
    /// last whose gradient is not, as all before it do.
    func reason(_ findings: [NonFiniteLayers], loss: Double, gradientNorm: Double) -> String? {
        let outputs = findings.reduce(into: Set<Int>()) { $0.formUnion($1.outputs) }
        let gradients = findings.reduce(into: Set<Int>()) { $0.formUnion($1.gradients) }
        if let layer = outputs.min() {
            return "the output of layer \(name(layer)) is not finite"
        }
        if let layer = gradients.max() {
            let what =
                hasStatistics(layer) ? "a gradient or a running statistic" : "the gradient"
            return "\(what) of layer \(name(layer)) is not finite or too large"
        }
        guard !loss.isFinite || !gradientNorm.isFinite else { return nil }
        return "loss \(numberForPeople(loss)), gradient norm \(numberForPeople(gradientNorm))"
    }

    /// The layer that ``reason(_:loss:gradientNorm:)`` names, if it names one.
    func layer(_ findings: [NonFiniteLayers]) -> Int? {
        findings.flatMap(\.outputs).min() ?? findings.flatMap(\.gradients).max()
    }

    private func hasStatistics(_ layer: Int) -> Bool {
        guard let layers = model?.imported?.manifest.layers, layers.indices.contains(layer) else {
            return false
        }
        return !layers[layer].statistics.isEmpty
    }

    private func name(_ layer: Int) -> String {
        let isKnown = profile.layers.indices.contains(layer)
        return isKnown ? "\(layer) (\(profile.layers[layer].name))" : "\(layer)"
    }
}

extension Coordinator {
    /// Notes a step that is skipped, or one that is not.
    ///
    /// Returns why training has to end, once it has diverged.
    mutating func noteSkip(_ outcome: StepOutcome) -> OobleckError? {
        guard let reason = outcome.skipped else {
            troubles.skippedInARow = 0
            return nil
        }
        guard reason != CommittedStep.withoutTargets else {
            log(.skipped(SkippedStep(reason: reason)))
            return nil
        }
        troubles.skippedInARow += 1
        let limit = job.training.skipLimit
        guard troubles.skippedInARow >= limit else {
            let skipped = SkippedStep(
                reason: reason,
                layer: outcome.skippedLayer.map(named),
                inARow: troubles.skippedInARow,
                limit: limit
            )
            log(.skipped(skipped))
            return nil
        }
        let steps = limit == 1 ? "step" : "\(limit) steps in a row, up to step"
        return OobleckError(
            .inputData,
            "training diverged in \(steps) \(committedSteps): \(reason); "
                + "try a smaller learning rate or a longer warmup"
        )
    }
}
