/// Every deadline of a run, derived from the one number that users set and from how long steps take.
///
/// There are two kinds. Silence is judged by the budget alone: heartbeats come from separate
/// threads, which no step, checkpoint or transfer delays. Waits for work (a step, a collective, a
/// transfer) last a multiple of the time of the work, since the first step of a process or of a
/// plan is slower than later ones.
package struct Deadlines: Hashable, Sendable {
    /// The longest time until a failure is detected.
    package let budget: Seconds
    /// The longest of the predicted step time and those measured lately; 0 before any is known.
    ///
    /// Deadlines limit it to ``longestStep``.
    package let step: Seconds
    /// Bytes that a link moves in a second, by the profile and the slowest copy so far; `nil` before any
    /// is known.
    package let link: Double?

    package init(budget: Seconds, step: Seconds = .zero, link: Double? = nil) {
        self.budget = budget
        self.step = step
        self.link = link
    }

    /// The deadlines of a job that names no budget.
    package static let standard = Deadlines(budget: 2)

    // MARK: Silence

    /// Time between two heartbeats: three may be lost before a node is declared lost.
    package var heartbeat: Seconds { budget / 4 }
    /// Time between two ticks.
    ///
    /// With it a silent node is detected at the latest ``detection`` after its last heartbeat.
    package var tick: Seconds { budget / 8 }
    /// Silence after which a node is shown as suspect.
    package var suspicion: Seconds { budget / 2 }
    /// Silence after which a node is declared lost.
    package var lease: Seconds { budget - tick }
    /// The longest time from a node's last heartbeat to its declared loss.
    package var detection: Seconds { lease + tick }
    /// How long a report of a broken collective waits for proof of which node died.
    package var grace: Seconds { budget / 8 }

    /// How long a plan may be in preparation before a worker probes which peers it can reach.
    package var doubt: Seconds { formation / 2 }
    /// How long the probe takes.
    package var probe: Seconds { budget / 2 }
    /// How long the first report of a group that does not form waits for the reports of the others,
    /// and for proof of which node died.
    ///
    /// Members that can reach all others report at once; two that cannot reach each other report
    /// only after their ``probe``.
    package var formationGrace: Seconds { probe + 2 * grace }

    // MARK: Joining

    /// How long a session may take to be answered, over all attempts to connect.
    package var connect: Seconds { 5 * budget }
    /// How long a node's worker may take to get ready, and the run to wait for its first nodes.
    ///
    /// Loading libtorch and a corpus takes long, however short the budget is.
    package var join: Seconds { max(Self.processStart, 20 * budget) }
    /// How long the coordinator waits for further new nodes before all get work at once.
    package var joinPause: Seconds { budget / 8 }
    /// The longest time that the first of many new nodes waits for work.
    package var joinStorm: Seconds { budget }

    /// How long a restarted coordinator waits for agents and workers to come back.
    ///
    /// Nodes try to reach it far more often.
    package var reconnection: Seconds { 0.75 * budget }
    /// How long a coordinator that takes over through a shared store waits for them.
    ///
    /// The previous coordinator may be suspended instead of dead. Nodes first notice its silence,
    /// then give up an attempt to reach it again, and only then search for the present leader.
    package var takeover: Seconds { 3 * budget }

    /// How long an agent that is asked to end searches for a coordinator to inform: long enough for
    /// one that restarts.
    package var lastSearch: Seconds { 3 * budget }

    /// How long the coordinator waits for nodes when more than f became silent at once.
    ///
    /// Nodes search for it for longer, so they still exist then.
    package var isolation: Seconds { 10 * budget }

    // MARK: Work

    /// How long the members of a group may take to find each other.
    package var formation: Seconds { 3 * budget }
    /// How long all nodes may take to prepare a plan before silence alone counts against them.
    package var barrier: Seconds { 3 * budget }
    /// How long the copies of a plan may take, given the largest number of bytes that a node
    /// receives.
    package func transfer(_ bytes: ByteCount) -> Seconds {
        barrier + Self.time(bytes, bytesPerSecond: slowestRate)
    }
    /// The slowest accepted rate of a copy: a tenth of the link's rate, where that is known to be
    /// slow.
    private var slowestRate: Double {
        let known = max(Self.leastRate, (link ?? .infinity) / 10)
        return min(Self.slowestLinkBytesPerSecond, known)
    }
    /// After this time a node that has not prepared a plan is lost, even if it sends heartbeats.
    package func preparation(receiving bytes: ByteCount) -> Seconds {
        2 * barrier + transfer(bytes)
    }
    /// How long a worker waits in a collective, for others that compute.
    package var collective: Seconds {
        10 * (budget + step.bounded(by: .zero...Self.longestStep))
    }
    /// How long a step may take, or a collection of the final state without new data, if no worker
    /// reports a problem.
    package var stall: Seconds { 2 * collective }

    /// How long a save of `bytes` may take.
    package func save(of bytes: ByteCount) -> Seconds {
        stall + Self.time(bytes, bytesPerSecond: Self.slowestDiskBytesPerSecond)
    }

    private static func time(_ bytes: ByteCount, bytesPerSecond: Double) -> Seconds {
        Seconds(Double(bytes.value) / bytesPerSecond).bounded(by: .zero...Seconds.longestMeasured)
    }

    /// How long a run that was asked to stop may take to commit a step: the one in flight, or, if
    /// that is lost, one under a plan for the remaining nodes.
    package var stop: Seconds { stall + preparation(receiving: .zero) }

    // MARK: Leaving

    /// How long processes may take to leave when the run is over.
    package var farewell: Seconds { min(max(Self.processEnd, budget), Self.processStart) }
    /// How long a peer may take to read what was sent before its session was closed.
    package var linger: Seconds { farewell / 2 }

    // MARK: What no budget changes

    /// Loading a program with its libraries and data, on a busy machine.
    package static let processStart: Seconds = 30
    /// Ending a program in order.
    package static let processEnd: Seconds = 2
    /// A step is never waited for as if it took longer than a day: a prediction or a measurement that
    /// says so is wrong.
    package static let longestStep: Seconds = 86_400
    /// A link slower than this counts as stuck.
    package static let slowestLinkBytesPerSecond = 1e7
    /// No link is assumed to be slower than ten times this.
    private static let leastRate = 1e5
    /// A disk slower than this counts as stuck.
    package static let slowestDiskBytesPerSecond = 1e6

    /// What is wrong with the order of the deadlines, or `nil`: each must leave room for the ones
    /// that it rests on.
    package var violation: String? {
        guard step.value.isFinite else { return "a step takes \(step.value) s" }
        guard step <= Self.longestStep else {
            return "a step is predicted to take \(step.value.rounded()) s, and no wait for one is "
                + "longer than a day; are the times of the profile in seconds?"
        }
        let order: [(String, Seconds, String, Seconds)] = [
            ("two heartbeats", 2 * heartbeat, "lease", lease),
            ("suspicion", suspicion, "lease", lease),
            ("detection", detection, "detection_budget", budget),
            ("grace", grace, "suspicion", suspicion),
            ("detection", detection, "barrier", barrier),
            ("formation", formation, "preparation", preparation(receiving: 0)),
            ("detection", detection, "collective", collective),
            ("step", step, "collective", collective),
            ("collective", collective, "stall", stall),
            ("join storm", joinStorm, "join", join),
            ("doubt and probe", doubt + probe, "formation", formation),
            ("detection", detection, "isolation", isolation),
        ]
        let wrong = order.first { $0.1 > $0.3 || !$0.3.value.isFinite }
        return wrong.map { "\($0.0) of \($0.1.value) s is longer than \($0.2) of \($0.3.value) s" }
    }
}

extension Deadlines {
    /// One deadline for people.
    package struct Row: Hashable, Sendable, Codable {
        package var name: String
        package var seconds: Seconds
        /// What it follows from.
        package var formula: String
        /// What it limits, and what happens when it expires.
        package var meaning: String
    }

    /// All of them, for people; transfers for the given most bytes to one node.
    package func rows(receiving bytes: ByteCount = 0) -> [Row] {
        [
            Row("heartbeat", heartbeat, "budget / 4", "between two signs of life of a process"),
            Row("tick", tick, "budget / 8", "between two looks of the coordinator at the clock"),
            Row("suspicion", suspicion, "budget / 2", "silence after which a node is suspect"),
            Row("lease", lease, "budget - tick", "silence after which a node is lost"),
            Row("detection", detection, "lease + tick", "silence to loss, at most"),
            Row("grace", grace, "budget / 8", "a broken collective waits for who died"),
            Row("doubt", doubt, "formation / 2", "a preparation after which workers probe"),
            Row("probe", probe, "budget / 2", "a worker looks for whom it does not reach"),
            Row(
                "formation grace",
                formationGrace,
                "probe + 2 grace",
                "a group that does not form waits for who is cut off"
            ),
            Row("connect", connect, "5 budget", "a session is answered, or the process ends"),
            Row("join", join, "max(30 s, 20 budget)", "a worker gets ready, or its node is lost"),
            Row("join pause", joinPause, "budget / 8", "newcomers wait for others to follow"),
            Row("join storm", joinStorm, "budget", "the first newcomer waits no longer"),
            Row("reconnection", reconnection, "3/4 budget", "nodes return after a restart"),
            Row("takeover", takeover, "3 budget", "nodes find a standby that took over"),
            Row("last search", lastSearch, "3 budget", "a node that is to end finds no leader"),
            Row("isolation", isolation, "10 budget", "more than f silent nodes are waited for"),
            Row("formation", formation, "3 budget", "members of a group find each other"),
            Row("barrier", barrier, "3 budget", "a plan is prepared, or silent nodes are lost"),
            Row(
                "transfer",
                transfer(bytes),
                "barrier + size at 10 MB/s",
                "the copies of a plan arrive"
            ),
            Row(
                "preparation",
                preparation(receiving: bytes),
                "2 barrier + transfer",
                "a plan is prepared, or nodes are lost that live"
            ),
            Row(
                "collective",
                collective,
                "10 (budget + step), step <= 1 day",
                "a wait for others that compute, or it is broken"
            ),
            Row("stall", stall, "2 collective", "a step, or it is tried again"),
            Row(
                "save",
                save(of: 0),
                "stall + size at 1 MB/s",
                "a checkpoint is written, or given up"
            ),
            Row(
                "stop",
                stop,
                "stall + preparation",
                "a step is committed, or a run asked to stop ends without"
            ),
            Row("farewell", farewell, "budget, within 2 to 30 s", "processes leave, or are killed"),
            Row("linger", linger, "farewell / 2", "last words are read, or lost"),
        ]
    }
}

extension Deadlines.Row {
    fileprivate init(_ name: String, _ seconds: Seconds, _ formula: String, _ meaning: String) {
        self.init(name: name, seconds: seconds, formula: formula, meaning: meaning)
    }
}
