import Dispatch
import Foundation
import OobleckCoordination
import OobleckCore
import Synchronization

/// Many simulated worlds, as many at a time as there are cores.
package struct Campaign: Sendable {
    /// What came of them.
    package struct Report: Sendable {
        package var worlds = 0
        package var completed = 0
        package var stopped = 0
        package var steps = 0
        package var recoveries = 0
        package var restores = 0
        package var faults = 0
        /// Longest time without progress after the last fault, in virtual seconds.
        package var longestWait = 0.0
        /// What was complained of, by seed, lowest seed first.
        package var failures: [(seed: UInt64, complaints: [String])] = []
    }

    package var seeds: Range<UInt64>
    package var bugs: KnownBugs
    /// Whether the run's state is in a store that several coordinators share.
    package var sharesStore: Bool
    /// Whether to end with the first failure.
    package var stopsAtFailure: Bool

    package init(
        seeds: Range<UInt64>,
        bugs: KnownBugs = [],
        sharesStore: Bool = false,
        stopsAtFailure: Bool = false
    ) {
        self.seeds = seeds
        self.bugs = bugs
        self.sharesStore = sharesStore
        self.stopsAtFailure = stopsAtFailure
    }

    /// The world of a seed, run to its end.
    package static func world(
        seed: UInt64,
        bugs: KnownBugs = [],
        sharesStore: Bool = false,
        isTraced: Bool = false
    ) throws -> World {
        var setup = sharesStore ? WorldSetup(sharing: seed) : WorldSetup(seed: seed)
        setup.bugs = bugs
        let world = try World(setup, isTraced: isTraced)
        world.run()
        return world
    }

    /// Runs all worlds, and returns what came of them.
    ///
    /// The report does not depend on the number of cores, but for a campaign that ends early: with its
    /// first failure, or when `isWanted` no longer holds.
    package func run(
        while isWanted: @escaping @Sendable () -> Bool = { true },
        onProgress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> Report {
        let shared = Mutex((next: seeds.lowerBound, report: Report(), error: (any Error)?.none))
        let bound = seeds.upperBound
        DispatchQueue.concurrentPerform(iterations: Self.cores) { _ in
            while true {
                guard isWanted() else { return }
                let seed = shared.withLock { state -> UInt64? in
                    let isOver = stopsAtFailure && !state.report.failures.isEmpty
                    guard state.next < bound, state.error == nil, !isOver else { return nil }
                    defer { state.next += 1 }
                    return state.next
                }
                guard let seed else { return }
                let outcome = Result {
                    try Self.world(seed: seed, bugs: bugs, sharesStore: sharesStore)
                }
                let count = shared.withLock { state in
                    switch outcome {
                    case .success(let world): state.report.add(world)
                    case .failure(let error): state.error = error
                    }
                    return state.report.worlds
                }
                onProgress(count)
            }
        }
        return try shared.withLock { state in
            if let error = state.error { throw error }
            state.report.failures.sort { $0.seed < $1.seed }
            return state.report
        }
    }

    static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}

extension Campaign.Report {
    /// What came of it, in a line.
    package var summary: String {
        "\(counted(worlds, "world")), \(counted(faults, "fault")), \(counted(steps, "step")), \(counted(recoveries, "recovery")), "
            + "\(restores) returns to a checkpoint: "
            + "\(completed) complete, \(stopped) stop for a reason, \(failures.count) fail; "
            + "longest wait \(WorldFault.text(longestWait)) of \(Int(World.patience)) s"
    }

    fileprivate mutating func add(_ world: World) {
        worlds += 1
        if case .completed = world.outcome { completed += 1 } else { stopped += 1 }
        steps += world.judge.ledger.count
        recoveries += world.judge.recoveries.count
        restores += world.judge.restores
        faults += world.struck.count
        longestWait = max(longestWait, world.longestWait)
        if !world.judge.complaints.isEmpty {
            failures.append((world.setup.seed, world.judge.complaints))
        }
    }
}
