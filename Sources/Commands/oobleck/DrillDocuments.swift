import OobleckWorlds

/// What simulated worlds came to, as JSON (`--format json`).
struct WorldsDocument: Encodable {
    /// A world in which something did not hold.
    private struct Failure: Encodable {
        let seed: UInt64
        let complaints: [String]
    }

    private let firstSeed: UInt64
    private let worlds: Int
    private let completed: Int
    private let stopped: Int
    private let steps: Int
    private let recoveries: Int
    private let restores: Int
    private let faults: Int
    private let failures: [Failure]

    private enum CodingKeys: String, CodingKey {
        case firstSeed = "first_seed"
        case worlds
        case completed
        case stopped
        case steps
        case recoveries
        case restores
        case faults
        case failures
    }

    /// The worlds from seed `first` on.
    init(_ first: UInt64, _ report: Campaign.Report) {
        firstSeed = first
        (worlds, completed, stopped) = (report.worlds, report.completed, report.stopped)
        (steps, recoveries, restores) = (report.steps, report.recoveries, report.restores)
        faults = report.faults
        failures = report.failures.map { Failure(seed: $0.seed, complaints: $0.complaints) }
    }
}

/// What happened in one world, as JSON.
struct StoryDocument: Encodable {
    let seed: UInt64
    let story: [String]
    let complaints: [String]
}

/// What every order of messages came to, as JSON.
struct OrdersDocument: Encodable {
    /// The moves that lead to a flaw.
    private struct Flaw: Encodable {
        let moves: [String]
        let complaint: String
    }

    private let depth: Int
    private let starts: Int
    private let worlds: Int
    private let moves: Int
    private let flaw: Flaw?

    /// A search so many moves deep.
    init(_ depth: Int, _ report: SmallWorldSearch.Report) {
        self.depth = depth
        (starts, worlds, moves) = (report.starts, report.worlds, report.moves)
        flaw = report.flaw.map { Flaw(moves: $0.path, complaint: $0.what) }
    }
}
