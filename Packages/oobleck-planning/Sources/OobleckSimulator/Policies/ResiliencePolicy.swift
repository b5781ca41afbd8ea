/// What a policy is told; between steps, but for losses.
public enum PolicyEvent: Hashable, Sendable {
    /// The job starts, or nodes are there again after it stood.
    case start
    /// Nodes are gone.
    case lost([Int], ClusterEvent.Loss)
    /// Nodes are there that were not, nodes will go soon, or nodes are slow.
    case changed(joined: [Int], leaving: [Int], slow: [Int])
}

/// What a policy may know of the world.
public struct ClusterView: Sendable {
    /// Now.
    public internal(set) var time: SimulatedTime
    /// The nodes that can be used.
    public internal(set) var alive: NodeSet
    /// Whether the job is not training: the last answer's phases are not over.
    public internal(set) var isRecovering = false
    /// Nodes lost so far; one that came back and went again counts twice.
    public internal(set) var lostNodes = 0
    /// How many times slower each slow node is.
    public internal(set) var slowFactors: [Int: Double] = [:]
}

/// What to do next.
public struct PolicyAnswer: Sendable {
    /// What of the work is lost.
    public enum Rollback: Hashable, Sendable {
        /// Nothing: the change waited for the end of a step.
        case none
        /// The step that was running.
        case runningStep
        /// All since the last checkpoint that was written.
        case checkpoint
        /// Nothing, not even a part of a step: only bounds can do that.
        case nothingEver
    }

    /// A stretch of time in which there is no training.
    public struct Phase: Hashable, Sendable {
        /// What the nodes do.
        public var activity: NodeActivity
        /// For how long.
        public var time: SimulatedTime

        /// One phase.
        public init(_ activity: NodeActivity, _ time: SimulatedTime) {
            self.activity = activity
            self.time = time
        }
    }

    /// What is lost.
    public var rollback: Rollback
    /// What comes before training goes on.
    public var phases: [Phase]
    /// How training goes on; `nil` if it cannot.
    public var training: PolicyAnswer.Training?

    /// An answer.
    public init(_ rollback: Rollback, _ phases: [Phase], then training: PolicyAnswer.Training?) {
        self.rollback = rollback
        self.phases = phases
        self.training = training
    }
}

extension PolicyAnswer {
    /// How training runs until something happens.
    public struct Training: Sendable {
        /// Time of one step.
        public var step: SimulatedTime
        /// Samples of one step.
        public var samples: Int
        /// Nodes that are there and have no work.
        public var idle: NodeSet
        /// Millionths of each step that others compute too.
        public var redundantMillionths: Int
        /// When checkpoints are written.
        public var checkpoints: CheckpointRhythm?
        /// Whether to be asked again after the next step, though nothing happened.
        public var endsAfterStep: Bool

        /// Steps of one length.
        public init(
            step: SimulatedTime,
            samples: Int,
            idle: NodeSet = NodeSet(),
            redundantMillionths: Int = 0,
            checkpoints: CheckpointRhythm? = nil,
            endsAfterStep: Bool = false
        ) {
            self.step = step
            self.samples = samples
            self.idle = idle
            self.redundantMillionths = redundantMillionths
            self.checkpoints = checkpoints
            self.endsAfterStep = endsAfterStep
        }
    }
}

/// Steps between two checkpoints, and what one takes.
public struct CheckpointRhythm: Hashable, Sendable {
    /// Steps from one to the next.
    public var steps: Int
    /// How long the step is held up.
    public var holdUp: SimulatedTime
    /// From there until it is safe, in the background.
    public var writing: SimulatedTime

    /// A rhythm of at least one step.
    public init(steps: Int, holdUp: SimulatedTime, writing: SimulatedTime = .zero) {
        self.steps = max(1, steps)
        self.holdUp = holdUp
        self.writing = writing
    }
}

/// How a system answers to what happens to its nodes.
///
/// A policy is a value: it decides, and everything it decides has a price from ``ClusterModel``.
public protocol ResiliencePolicy: Sendable {
    /// What is to be done, or `nil` to go on as before.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - view: The nodes after it.
    /// - Returns: What is to be done; never `nil` after a loss of nodes that work.
    mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer?

    /// Whether it changes anything between steps only, but for losses.
    var waitsForSteps: Bool { get }

    /// How long the steps of its training take when nodes that work are so many times slower; `nil`
    /// if everything takes as much longer as on the slowest of them.
    func step(of training: PolicyAnswer.Training, slow: [Int: Double]) -> SimulatedTime?
}

extension ResiliencePolicy {
    /// As all real systems.
    public var waitsForSteps: Bool { true }

    /// As long as the slowest node takes.
    public func step(of training: PolicyAnswer.Training, slow: [Int: Double]) -> SimulatedTime? {
        nil
    }
}
