import ArgumentParser
import OobleckClock
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckSimulationCommands
import OobleckWorlds

/// `oobleck drill`.
struct DrillCommand: InterruptibleCommand {
    static let isRun = false

    /// The others have nothing to put in order.
    var handlesSignals: Bool { replay == nil && everyOrder == nil }

    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Let everything fail that can, and check that nothing changes.",
        discussion: """
            Without --simulate, --replay and --every-order, the faults are real: local processes \
            are killed, stopped and cut off while they train, one row a fault. Each run must end \
            with the state of an undisturbed one, use each sample once, and leave nothing behind. \
            Exit status 70 when anything of this does not hold.

            With --run, a run of yours is hit instead, on machines of yours: processes are killed \
            and stopped, nodes drained, one after the other, and it has to get over each.
            """
    )

    @Option(help: "Rows of the matrix: all, kill, stop, partition, ..., or a row's name.")
    var faults = "all"

    @Option(help: "Runs of each row.")
    var repeats = 3

    @Option(help: "Folder for report.json and report.html. [none]")
    var report: String?

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp(
            "Hit the run in this directory, whose coordinator is on this machine.",
            valueName: "run-dir"
        )
    )
    var runDirectory: String?

    @Option(
        help: ArgumentHelp(
            "With --run: what runs a command on a node's machine, as in \"ssh {host}\"; {host} is "
                + "the node's name up to a slash, {node} its number. [all nodes are here]",
            valueName: "words"
        )
    )
    var through: String?

    @Option(
        help: ArgumentHelp(
            "With --run: wait for its end, and compare with the state of an undisturbed run.",
            valueName: "sha256"
        )
    )
    var expect: String?

    @Option(help: "Simulated worlds to go through instead, one a seed.")
    var simulate: Int?

    @Option(help: "Seed of all chance; the first one of --simulate.")
    var seed: UInt64 = 0

    @Option(help: "Tell what happens in the world of this seed.")
    var replay: UInt64?

    @Flag(
        help: "With --simulate and --replay: the state is in an etcd that coordinators share."
    )
    var shared = false

    @Option(help: "Go through every order of messages among three nodes, so many moves deep.")
    var everyOrder: Int?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @Option(help: ArgumentHelp("Put a known bug back in.", visibility: .hidden))
    var putBack: KnownBugs = []

    func validate() throws {
        if let simulate, simulate < 1 {
            throw ValidationError("--simulate is \(simulate); it must be at least 1.")
        }
        if let everyOrder, everyOrder < 1 {
            throw ValidationError("--every-order is \(everyOrder); it must be at least 1.")
        }
        let modes = [simulate != nil, replay != nil, everyOrder != nil, runDirectory != nil].count {
            $0
        }
        guard modes <= 1 else {
            throw ValidationError("give one of --run, --simulate, --replay and --every-order.")
        }
        guard runDirectory != nil || (through == nil && expect == nil) else {
            throw ValidationError("--through and --expect go with --run.")
        }
        if let expect, expect.count != 64 || !expect.allSatisfy(\.isHexDigit) {
            throw ValidationError(
                "--expect is \(expect); it must be the 64 hexadecimal digits of a state_sha256."
            )
        }
        guard repeats >= 1 else {
            throw ValidationError("--repeats is \(repeats); it must be at least 1.")
        }
    }

    func run() async throws {
        if let replay { return try tell(replay) }
        if let simulate { return try simulateWorlds(simulate) }
        if let everyOrder { return try search(depth: everyOrder) }
        let drill = ProcessDrill(
            faults: faults,
            seed: seed,
            repeats: repeats,
            reportPath: report,
            format: format
        )
        guard let runDirectory else { return try await drill.run() }
        try await drill.run(on: runDirectory, through: through, expecting: expect)
    }

    // MARK: Simulated worlds

    private func simulateWorlds(_ count: Int) throws {
        let campaign = Campaign(
            seeds: seed..<seed + UInt64(count),
            bugs: putBack,
            sharesStore: shared
        )
        let isShown = Console.isTerminal
        let signals = ProcessSignals.shared
        let start = MonotonicTime.now
        let report = try campaign.run(
            while: { signals.stopSignal == nil },
            onProgress: { done in
                guard isShown, done % 100 == 0 else { return }
                let left = (MonotonicTime.now - start).value / Double(done) * Double(count - done)
                Console.showLive("\(done) of \(count) worlds  ETA \(Console.clock(seconds: left))")
            }
        )
        if isShown { Console.clearLive() }
        if format == .json {
            try Console.result(Console.json(WorldsDocument(seed, report)))
        } else {
            for failure in report.failures.prefix(20) {
                try Console.result("seed \(failure.seed): \(failure.complaints.first ?? "")")
            }
            try Console.result(
                Console.wrapped("seeds \(seed) to \(seed + UInt64(count) - 1): \(report.summary)")
            )
        }
        guard let first = report.failures.first else {
            if report.worlds < count { throw Interruption(isRun: false) }
            return
        }
        throw OobleckError(
            .internalFault,
            "\(report.failures.count) of \(count) worlds fail; see oobleck drill\(shared ? " --shared" : "") --replay \(first.seed)"
        )
    }

    private func tell(_ seed: UInt64) throws {
        let world = try Campaign.world(
            seed: seed,
            bugs: putBack,
            sharesStore: shared,
            isTraced: true
        )
        let story = StoryDocument(
            seed: seed,
            story: world.story,
            complaints: world.judge.complaints.map { "\($0)" }
        )
        try Console.result(
            format == .json ? Console.json(story) : world.story.joined(separator: "\n")
        )
        guard let first = world.judge.complaints.first else { return }
        throw OobleckError(.internalFault, "seed \(seed): \(first)")
    }

    private func search(depth: Int) throws {
        var search = SmallWorldSearch(depth: depth, stride: 6)
        search.bugs = putBack
        let report = try search.run()
        if format == .json {
            try Console.result(Console.json(OrdersDocument(depth, report)))
            if let flaw = report.flaw { throw OobleckError(.internalFault, flaw.what) }
            return
        }
        try Console.result(
            "\(report.starts) starting points, \(counted(depth, "move")) deep: \(counted(report.worlds, "world")), "
                + "\(counted(report.moves, "move"))"
        )
        guard let flaw = report.flaw else {
            return try Console.result("every order completes the same run")
        }
        for move in flaw.path { try Console.result("  \(move)") }
        throw OobleckError(.internalFault, flaw.what)
    }
}

extension KnownBugs: ExpressibleByArgument {
    /// Reads a bug's name.
    public init?(argument: String) {
        guard let bug = KnownBugs.names.first(where: { $0.name == argument }) else { return nil }
        self = bug.bug
    }
}
