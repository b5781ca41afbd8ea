import OobleckSimulator
import OobleckValues

/// What the published simulators count, of one run.
public struct PaperResult: Hashable, Sendable, Codable {
    /// Where the time went, in seconds.
    ///
    /// As published, the parts add up to more than the run: a step that is interrupted counts as
    /// effective and as fallback, and a step that Varuna loses counts twice as fallback.
    public struct Breakdown: Hashable, Sendable, Codable {
        /// Steps, also those that are interrupted or lost later.
        public var effective: Double
        /// Bamboo's computation of what the next node computes too.
        public var redundant: Double
        /// Reconfigurations of Oobleck and rebalancing of Bamboo.
        public var rebalance: Double
        /// Restarts.
        public var restart: Double
        /// Checkpoints.
        public var checkpoint: Double
        /// Work that is lost.
        public var fallback: Double
    }

    /// Time in each state of the system, in seconds.
    public struct States: Hashable, Sendable, Codable {
        /// Training.
        public var running: Double
        /// Reconfiguring.
        public var rendezvous: Double
        /// Without enough nodes, or so it thinks.
        public var stopped: Double
    }

    /// A part of the throughput over time.
    public struct Step: Hashable, Sendable, Codable {
        /// When the step ended, in seconds.
        public var end: Double
        /// Its samples over the time since the step before, 0 if it was lost.
        public var throughput: Double
    }

    /// Samples of all steps that count over the time from the first reconfiguration to the last step.
    public var throughput: Double
    /// Steps, less those lost with a failed checkpoint.
    public var steps: Int
    /// Nodes that went.
    public var preemptions: Int
    /// Nodes whose going restarted the system.
    public var fatalFailures: Int
    /// Nodes over time, from the start to the last step.
    public var averageNodes: Double
    /// From the start to the end of the trace, in seconds.
    public var duration: Double
    /// Where the time went.
    public var breakdown: Breakdown
    /// Time in each state.
    public var states: States
    /// Why the throughput is 0, if the model cannot be held.
    public var reason: String?
    /// The steps; not part of what is printed.
    public var timeline: [Step] = []

    private enum CodingKeys: String, CodingKey {
        case throughput = "throughput_samples_per_second"
        case steps
        case preemptions
        case fatalFailures = "fatal_failures"
        case averageNodes = "average_nodes"
        case duration = "duration_seconds"
        case breakdown = "breakdown_seconds"
        case states = "state_seconds"
        case reason
    }
}
