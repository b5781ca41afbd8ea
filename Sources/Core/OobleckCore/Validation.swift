/// When a run measures the loss of data that it does not train on, and which data.
package struct ValidationSpecification: Hashable, Sendable, Codable {
    /// Committed steps from one evaluation to the next.
    package var every: Int
    /// Global batches of one evaluation; `nil` is all of the data.
    package var batches: Int?
    /// Absolute path of the data, on every node; of the same kind as those that are trained on.
    package var dataPath: String
    /// How its token ids are written; `nil` is as those of the training data.
    package var format: Format?

    /// How the token ids of a corpus are written, where its job says that for itself.
    package struct Format: Hashable, Sendable, Codable {
        /// Bytes of one token id in a `.bin` file; `nil` is what such files have without a word.
        package var tokenBytes: Int?

        package init(tokenBytes: Int? = nil) { self.tokenBytes = tokenBytes }
    }

    package init(every: Int, batches: Int? = nil, dataPath: String, format: Format? = nil) {
        self.every = every
        self.batches = batches
        self.dataPath = dataPath
        self.format = format
    }

    /// Whether the state after `steps` committed steps is evaluated wherever the run ends.
    package func isDue(after steps: Int) -> Bool { steps % every == 0 }

    /// Steps between two evaluations when a job does not say.
    package static let defaultPeriod = 100
    /// The most microbatches of one evaluation: each has its loss in a message.
    package static let mostMicrobatches = 1 << 20
}

extension JobSpecification {
    /// Whether the state after `steps` committed steps is evaluated: the first, each after `every` more, the last.
    package func isEvaluated(after steps: Int) -> Bool {
        guard let validation else { return false }
        return validation.isDue(after: steps) || steps == training.steps
    }
}

/// The loss of a state on the validation data: one line of the ledger before it is chained.
///
/// The bits of a state's loss depend neither on earlier failures nor on the number of nodes.
package struct RecordedEvaluation: Hashable, Sendable, Codable {
    /// Committed steps in the state.
    package var step: Int
    package var generation: Generation
    /// Samples that it was evaluated on, the first of the validation data.
    package var samples: Int
    /// Mean over all microbatches, or over all targets that count where ``targets`` says how many,
    /// summed in the order of the data; not finite when the model's outputs are not.
    package var loss: Double
    /// Targets that the loss is the mean over; `nil` where every microbatch has as many.
    package var targets: Int?

    package init(
        step: Int,
        generation: Generation,
        samples: Int,
        loss: Double,
        targets: Int? = nil
    ) {
        self.step = step
        self.generation = generation
        self.samples = samples
        self.loss = loss
        self.targets = targets
    }

    /// The loss; `nil` when it is not finite.
    package var finiteLoss: Double? { loss.isFinite ? loss : nil }

    /// Also of losses that are no number.
    package static func == (left: Self, right: Self) -> Bool {
        (left.step, left.generation, left.samples, left.loss.bitPattern, left.targets)
            == (right.step, right.generation, right.samples, right.loss.bitPattern, right.targets)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(step)
        hasher.combine(generation)
    }

    private enum CodingKeys: String, CodingKey {
        case step, generation, samples, loss, targets
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        step = try fields.decode(Int.self, forKey: .step)
        generation = try fields.decode(Generation.self, forKey: .generation)
        samples = try fields.decode(Int.self, forKey: .samples)
        loss = try fields.decode(Double?.self, forKey: .loss) ?? .nan
        targets = try fields.decodeIfPresent(Int.self, forKey: .targets)
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(step, forKey: .step)
        try fields.encode(generation, forKey: .generation)
        try fields.encode(samples, forKey: .samples)
        // JSON has no number for one that is not finite.
        try fields.encode(finiteLoss, forKey: .loss)
        try fields.encodeIfPresent(targets, forKey: .targets)
    }

    /// Whether both have the same values for the same state, regardless of which workers computed
    /// them.
    package func agrees(with other: Self) -> Bool {
        (step, samples, targets) == (other.step, other.samples, other.targets)
            && finiteLoss == other.finiteLoss
    }
}

/// One worker's share of an evaluation: the losses that its last stage computed for one global
/// batch.
package struct EvaluationReport: Hashable, Sendable {
    package var generation: Generation
    /// Committed steps in the state.
    package var step: Int
    /// Microbatches that the whole evaluation has.
    package var microbatches: Int
    /// Loss of each microbatch, by index in the data: the mean over its targets, or their sum where
    /// ``targetCounts`` says of how many.
    package var losses: [Int: Double]
    /// Of each microbatch whose loss is a sum: its targets that count.
    package var targetCounts: [Int: Int]

    package init(
        generation: Generation,
        step: Int,
        microbatches: Int,
        losses: [Int: Double],
        targetCounts: [Int: Int] = [:]
    ) {
        self.generation = generation
        self.step = step
        self.microbatches = microbatches
        self.losses = losses
        self.targetCounts = targetCounts
    }
}
