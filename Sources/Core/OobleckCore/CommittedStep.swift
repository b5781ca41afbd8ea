/// A step that was committed: one line of the ledger before it is chained.
package struct CommittedStep: Hashable, Sendable, Codable {
    /// Zero-based number of the step.
    package var step: Int
    package var generation: Generation
    /// Positions in the endless sample order: `[firstSample, endSample)`.
    package var firstSample: Int
    package var endSample: Int
    /// Mean over all microbatches, or over all targets that count where ``targets`` says how many,
    /// summed in microbatch order; finite unless the step is skipped.
    package var loss: Double
    /// Global gradient norm before clipping, summed in layer order; finite unless the step is
    /// skipped.
    package var gradientNorm: Double
    /// Why the update was skipped, the same on all nodes; `nil` for an applied step.
    package var skipped: String?
    /// Targets that the loss is the mean over; `nil` where every microbatch has as many.
    package var targets: Int?

    /// Why a step without any target is skipped.
    package static let withoutTargets = "none of its targets counts"

    package init(
        step: Int,
        generation: Generation,
        firstSample: Int,
        endSample: Int,
        loss: Double,
        gradientNorm: Double,
        skipped: String? = nil,
        targets: Int? = nil
    ) {
        self.step = step
        self.generation = generation
        self.firstSample = firstSample
        self.endSample = endSample
        self.loss = loss
        self.gradientNorm = gradientNorm
        self.skipped = skipped
        self.targets = targets
    }

    /// Also of losses and norms that are no number, whichever one.
    package static func == (left: Self, right: Self) -> Bool {
        (left.step, left.generation, left.firstSample, left.endSample)
            == (right.step, right.generation, right.firstSample, right.endSample)
            && isSame(left.loss, right.loss) && isSame(left.gradientNorm, right.gradientNorm)
            && (left.skipped, left.targets) == (right.skipped, right.targets)
    }

    private static func isSame(_ one: Double, _ other: Double) -> Bool {
        one == other || one.isNaN && other.isNaN
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(step)
        hasher.combine(generation)
    }
}
