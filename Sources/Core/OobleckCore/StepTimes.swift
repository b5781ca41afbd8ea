/// What one worker measured in a step (`Documentation/Metrics.md`); zero is not measured.
package struct WorkerTimes: Hashable, Sendable {
    /// From the start of the step's passes to the vote.
    package var elapsed: Seconds
    /// The part of ``elapsed`` in which it waited for what neighbouring stages send and take.
    package var neighbourWait: Seconds
    /// The part of ``elapsed`` in which it waited for the sums of gradients.
    package var sumWait: Seconds
    /// Applying the step before, between its commit and the start of this step's passes.
    package var update: Seconds
    /// The most memory that the worker has had so far.
    package var memory: ByteCount

    package init(
        elapsed: Seconds = .zero,
        neighbourWait: Seconds = .zero,
        sumWait: Seconds = .zero,
        update: Seconds = .zero,
        memory: ByteCount = .zero
    ) {
        self.elapsed = elapsed
        self.neighbourWait = neighbourWait
        self.sumWait = sumWait
        self.update = update
        self.memory = memory
    }
}

/// What a committed step took, over all of its workers (`Documentation/Metrics.md`).
package struct StepMeasurement: Hashable, Sendable {
    package var committed: CommittedStep
    /// From the commit before, or the start of the generation, to this commit.
    package var stepTime: Seconds
    /// Nodes and pipelines of the plan.
    package var nodes: Int
    package var pipelines: Int
    /// Means over the workers; `nil` where one of them did not measure.
    package var compute: Seconds?
    package var wait: Seconds?
    package var synchronization: Seconds?
    package var update: Seconds?
    /// What the slowest worker had left of ``stepTime`` beside its passes and its update: the vote and
    /// the commit.
    package var commit: Seconds?
    /// Share of worker time that was not computation.
    package var idleShare: Double?
    /// The most memory that a worker has had.
    package var memory: ByteCount?

    /// Measurements of a step under a plan of that many nodes and pipelines, without its parts.
    package init(_ committed: CommittedStep, stepTime: Seconds, nodes: Int, pipelines: Int) {
        self.committed = committed
        self.stepTime = stepTime
        self.nodes = nodes
        self.pipelines = pipelines
    }

    /// Adds what the votes say.
    package mutating func add(_ votes: [StepVote]) {
        compute = Self.mean(votes.map(\.busy))
        let times = votes.map(\.times)
        memory = times.map(\.memory).max().flatMap { $0 > .zero ? $0 : nil }
        // Who says how long its passes took has measured their parts too, some of which are nothing.
        guard times.allSatisfy({ $0.elapsed.measured != nil }), !times.isEmpty else { return }
        func mean(_ part: (WorkerTimes) -> Seconds) -> Seconds {
            times.reduce(.zero) { $0 + (part($1).measured ?? .zero) } / Double(times.count)
        }
        wait = mean(\.neighbourWait)
        synchronization = mean(\.sumWait)
        update = mean(\.update)
        let longest = times.map { $0.elapsed + ($0.update.measured ?? .zero) }.max() ?? .zero
        commit = max(.zero, stepTime - longest)
    }

    /// `nil` where one of the times was not measured.
    private static func mean(_ times: [Seconds]) -> Seconds? {
        let measured = times.compactMap(\.measured)
        guard !times.isEmpty, measured.count == times.count else { return nil }
        return measured.reduce(.zero, +) / Double(measured.count)
    }
}
