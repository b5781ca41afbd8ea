import Foundation
public import OobleckValues

/// Plays the same worlds against several policies.
public struct SimulationExperiment: Sendable {
    /// Where the worlds come from.
    public enum Source: Sendable {
        /// One world, given.
        case history(ClusterHistory)
        /// As many as there are trials, by chance.
        case chance(FailureModel, nodes: Int, duration: Seconds)

        /// Whether nodes become slow in it.
        var hasSlowNodes: Bool {
            switch self {
            case .chance(let law, _, _): law.slowShare > 0
            case .history(let history):
                history.events.contains { if case .slow = $0.change { true } else { false } }
            }
        }

        /// Whether nodes are told that they will go.
        var hasNotices: Bool {
            switch self {
            case .chance(let law, _, _): law.notice > 0
            case .history(let history):
                history.events.contains { if case .notice = $0.change { true } else { false } }
            }
        }
    }

    /// How far an experiment is.
    public struct Progress: Hashable, Sendable {
        /// Trials that are done.
        public let finished: Int
        /// All trials.
        public let trials: Int
    }

    /// The stream of random numbers that are the seeds of worlds.
    private static let worldStream = 1

    /// Most worlds: the outcomes of all are kept until the end.
    public static let mostTrials = 100_000

    /// What everything costs.
    public var model: ClusterModel
    /// The worlds.
    public var source: Source
    /// The policies, in order.
    public var policies: [SimulatedPolicy]
    /// Worlds; a given one is played once.
    public var trials: Int
    /// Seed of chance: each trial's world is drawn from a hash of seed and trial, so that two seeds
    /// share no world.
    public var seed: UInt64
    /// Between checkpoints that every loss goes back to.
    public var interval: CheckpointPlan.Interval
    /// Between checkpoints that only the loss of a layer's last copy goes back to.
    public var backupInterval: Seconds
    /// Spare nodes of `hot-spares`.
    public var reserve: Int
    /// How long Varuna takes to start anew; `nil` for ``ClusterModel/restart``, as all.
    public var varunaRestart: Seconds?

    /// An experiment.
    public init(
        model: ClusterModel,
        source: Source,
        policies: [SimulatedPolicy],
        trials: Int = 1,
        seed: UInt64 = 1,
        interval: CheckpointPlan.Interval = .youngDaly,
        backupInterval: Seconds = 3600,
        reserve: Int = 1,
        varunaRestart: Seconds? = nil
    ) {
        self.model = model
        self.source = source
        self.policies = policies
        self.trials = trials
        self.seed = seed
        self.interval = interval
        self.backupInterval = backupInterval
        self.reserve = reserve
        self.varunaRestart = varunaRestart
    }

    /// The outcomes of all trials, in order, for each policy.
    ///
    /// Trials run in parallel; the result does not depend on how.
    ///
    /// - Throws: ``OobleckError`` for values that make no sense, or if there are never enough nodes.
    public func run() throws -> [PolicyOutcomes] {
        let prepared = try prepared()
        let board = TrialBoard(trials: prepared.trials)
        DispatchQueue.concurrentPerform(iterations: prepared.trials) { trial in
            board.put(prepared.outcomes(trial), of: trial)
        }
        return prepared.collected(board.outcomes)
    }

    /// As ``run()``, in child tasks, so that it can be cancelled between two trials.
    ///
    /// - Parameter progress: Called after each trial, from any task, with the finished trials.
    /// - Returns: The same as ``run()``.
    /// - Throws: ``OobleckError`` as ``run()``, and `CancellationError` when the task is cancelled.
    public func run(
        progress: @escaping @Sendable (Progress) -> Void
    ) async throws -> [PolicyOutcomes] {
        let prepared = try prepared()
        let board = TrialBoard(trials: prepared.trials)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<min(prepared.trials, ProcessInfo.processInfo.activeProcessorCount) {
                group.addTask {
                    while let trial = board.take() {
                        try Task.checkCancellation()
                        let finished = board.put(prepared.outcomes(trial), of: trial)
                        progress(Progress(finished: finished, trials: prepared.trials))
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        return prepared.collected(board.outcomes)
    }

    /// Policies as values before anything happened, for an experiment whose values make sense.
    private struct Prepared: Sendable {
        let experiment: SimulationExperiment
        let table: StepTable
        let prototypes: [any ResiliencePolicy]
        let trials: Int

        func outcomes(_ trial: Int) -> [SimulationOutcome] {
            let history = experiment.history(trial)
            return prototypes.map { ClusterSimulation.run(experiment.model, history, $0) }
        }

        func collected(_ all: [Int: [SimulationOutcome]]) -> [PolicyOutcomes] {
            let policies = experiment.policies
            return policies.indices.map { index in
                PolicyOutcomes(
                    policy: policies[index],
                    obstacle: policies[index].obstacle(table),
                    outcomes: (0..<trials).compactMap { all[$0]?[index] }
                )
            }
        }
    }

    private func prepared() throws -> Prepared {
        guard trials > 0, trials <= Self.mostTrials else {
            throw OobleckError(
                .usage,
                "trials are \(trials); there must be at least 1, at most \(Self.mostTrials)"
            )
        }
        guard !policies.isEmpty else {
            throw OobleckError(.usage, "there is no policy to simulate")
        }
        guard backupInterval > 0, backupInterval.value.isFinite else {
            throw OobleckError(
                .usage,
                "seconds between backups are \(backupInterval.value); they must be more than 0"
            )
        }
        if let varunaRestart, !(varunaRestart >= 0 && varunaRestart.value.isFinite) {
            throw OobleckError(
                .usage,
                "Varuna's restart is \(varunaRestart.value) s; it must be at least 0"
            )
        }
        let nodes = try mostNodes()
        let table = try StepTable(model, nodes: nodes)
        let expected = meanTimeToFailure
        let prototypes = try policies.map { policy in
            try policy.make(
                table,
                nodes: nodes,
                interval: interval,
                meanTimeToFailure: expected,
                reserve: reserve,
                backupInterval: backupInterval,
                varunaRestart: varunaRestart
            )
        }
        let count = if case .history = source { 1 } else { trials }
        return Prepared(experiment: self, table: table, prototypes: prototypes, trials: count)
    }

    private func history(_ trial: Int) -> ClusterHistory {
        switch source {
        case .history(let history): history
        case .chance(let failures, let nodes, let duration):
            failures.history(
                nodes: nodes,
                duration: SimulatedTime(duration),
                seed: CounterRandom(seed: seed).bits(stream: Self.worldStream, index: trial)
            )
        }
    }

    private func mostNodes() throws -> Int {
        switch source {
        case .chance(let failures, let nodes, let duration):
            try failures.validate()
            guard nodes > 0, nodes <= 1_000_000 else {
                throw OobleckError(
                    .usage,
                    "node count is \(nodes); it must be from 1 to 1,000,000"
                )
            }
            guard duration > 0, duration.value <= 10 * 366 * 86_400 else {
                throw OobleckError(
                    .usage,
                    "duration is \(duration.value) s; it must be more than 0, at most ten years"
                )
            }
            return nodes
        case .history(let history):
            guard history.duration > .zero else {
                throw OobleckError(
                    .inputData,
                    "the trace lasts 0 s; it must end later than it starts"
                )
            }
            return history.mostNodes
        }
    }

    /// Of the whole job: by the law, or as seen in the given world.
    private var meanTimeToFailure: Seconds? {
        switch source {
        case .chance(let failures, let nodes, _): failures.meanTimeToFailure(nodes: nodes)
        case .history(let history):
            history.lossCount > 0
                ? Seconds(history.duration.seconds / Double(history.lossCount)) : nil
        }
    }
}
