import OobleckCore

/// Something in a run's files that does not hold.
package struct RunViolation: Hashable, Sendable, Codable, CustomStringConvertible {
    package var file: String
    /// Counted from one; `nil` when the file as a whole is meant.
    package var line: Int?
    package var message: String

    package init(file: String, line: Int? = nil, message: String) {
        self.file = file
        self.line = line
        self.message = lineForPeople(message)
    }

    package var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        // Errors of readers name their file already.
        return message.hasPrefix(file) ? message : "\(place): \(message)"
    }
}

/// What `oobleck verify` found out.
package struct VerificationReport: Hashable, Sendable, Codable {
    /// Committed steps in the ledger.
    package var steps = 0
    /// Returns to a checkpoint.
    package var restores = 0
    /// Steps that were committed, taken back by a return to a checkpoint, and not counted since.
    package var stepsRedone = 0
    /// Generations under which they were committed.
    package var generations = 0
    /// Committed steps whose update was left out by all.
    package var skippedSteps = 0
    /// States whose loss on the validation data was measured; 0 in a run without.
    package var evaluations = 0
    package var samplesCommitted = 0
    /// Samples of the order that no step used although later ones were.
    package var samplesLost = 0
    /// Samples that a second step used again.
    package var samplesRepeated = 0
    /// Steps of the checkpoints whose digests were all recomputed and hold.
    package var verifiedCheckpoints: [Int] = []
    /// Digest of the final state; `nil` when the run has no result.
    package var stateSHA256: String?
    /// What the run computed with, in order; more than one where somebody had it go on with another.
    package var arithmetic: [Arithmetic] = []
    /// Whether the run came to its end and wrote a result.
    package var isFinished = false
    package var violations: [RunViolation] = []

    package init() {}

    /// Whether all that was looked at holds.
    package var isIntact: Bool { violations.isEmpty }

    private enum CodingKeys: String, CodingKey {
        case steps
        case restores
        case stepsRedone = "steps_redone"
        case generations
        case skippedSteps = "skipped_steps"
        case evaluations
        case samplesCommitted = "samples_committed"
        case samplesLost = "samples_lost"
        case samplesRepeated = "samples_repeated"
        case verifiedCheckpoints = "verified_checkpoints"
        case stateSHA256 = "state_sha256"
        case arithmetic
        case isFinished = "is_finished"
        case violations
    }
}
