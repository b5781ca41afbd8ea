/// Failures to stage beside sudden deaths (``PlannedFault``), for tests and demonstrations.
package struct StagedFaults: Hashable, Sendable, Codable {
    package var numbers: [NumberFault]
    package var slowness: [SlownessFault]
    package var flips: [BitFlipFault]
    package var shortages: [MemoryFault]
    package var miscomputations: [MiscomputationFault]?

    package init(
        numbers: [NumberFault] = [],
        slowness: [SlownessFault] = [],
        flips: [BitFlipFault] = [],
        shortages: [MemoryFault] = []
    ) {
        self.numbers = numbers
        self.slowness = slowness
        self.flips = flips
        self.shortages = shortages
    }
}

/// A number that is not finite appears in one layer's work on one microbatch, on any worker.
package struct NumberFault: Hashable, Sendable, Codable {
    /// Where it comes up.
    package enum Pass: String, Sendable, Codable, CaseIterable {
        /// In the layer's output.
        case forward
        /// In the layer's gradient.
        case backward
    }

    package var step: Int
    /// Index of the microbatch in the global batch.
    package var microbatch: Int
    package var layer: Int
    package var pass: Pass

    package init(step: Int, microbatch: Int, layer: Int, pass: Pass) {
        self.step = step
        self.microbatch = microbatch
        self.layer = layer
        self.pass = pass
    }
}

/// One node computes slower than it could, from one step on until before another.
package struct SlownessFault: Hashable, Sendable, Codable {
    package var node: NodeID
    /// How many times longer its work takes; more than one.
    package var factor: Double
    package var step: Int
    package var endStep: Int

    package init(node: NodeID, factor: Double, step: Int, endStep: Int = Int.max) {
        self.node = node
        self.factor = factor
        self.step = step
        self.endStep = endStep
    }
}

/// A node silently computes wrong results from one step on: one bit of every layer's output flips.
package struct MiscomputationFault: Hashable, Sendable, Codable {
    package var node: NodeID
    package var step: Int

    package init(node: NodeID, step: Int) {
        self.node = node
        self.step = step
    }
}

/// One bit of the parameters that one node holds of a layer changes in a step, unnoticed.
package struct BitFlipFault: Hashable, Sendable, Codable {
    /// When it changes.
    package enum Moment: String, Sendable, Codable, CaseIterable {
        case beforeStep = "before-step"
        /// Between the vote and its outcome.
        case afterVote = "after-vote"
        /// After the last digest before the update.
        case inUpdate = "in-update"
    }

    package var node: NodeID
    package var layer: Int
    package var step: Int
    package var moment: Moment

    package init(node: NodeID, layer: Int, step: Int, moment: Moment = .beforeStep) {
        self.node = node
        self.layer = layer
        self.step = step
        self.moment = moment
    }
}

/// One node asks for more memory than there is, in one step.
package struct MemoryFault: Hashable, Sendable, Codable {
    package var node: NodeID
    package var step: Int

    package init(node: NodeID, step: Int) {
        self.node = node
        self.step = step
    }
}
