/// How often a run saves its state, how many saves stay, and where.
package struct CheckpointSpecification: Hashable, Sendable, Codable {
    /// When the next save is due.
    package enum Rhythm: Hashable, Sendable, Codable {
        /// After every given number of committed steps.
        case steps(Int)
        /// When the expected loss of work outweighs the cost of a save (``YoungDaly``).
        case youngDaly
    }

    package var rhythm: Rhythm
    /// Saves that stay; older ones are removed once a newer one is published.
    package var keep: Int
    /// Absolute path of the folder for the saves, the same on every node; `nil` is `checkpoints/` of
    /// the run's directory.
    package var directory: String?
    /// How long to wait for new nodes when the run cannot continue without them.
    package var wait: Seconds

    /// The values of a job that does not configure checkpoints.
    package static let standard = CheckpointSpecification(.youngDaly)

    /// Saves that stay when the job does not say.
    package static let defaultKeep = 2
    /// How long to wait for nodes when the job does not say.
    package static let defaultWait: Seconds = 600

    package init(
        _ rhythm: Rhythm,
        keep: Int = Self.defaultKeep,
        directory: String? = nil,
        wait: Seconds = Self.defaultWait
    ) {
        self.rhythm = rhythm
        self.keep = keep
        self.directory = directory
        self.wait = wait
    }
}
