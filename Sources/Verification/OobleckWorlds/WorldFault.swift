import OobleckCore

/// One thing that goes wrong in a simulated world, and when it does.
package struct WorldFault: Hashable, Sendable {
    /// What sets the fault off.
    package enum Trigger: Hashable, Sendable {
        /// Virtual seconds since the start.
        case time(Double)
        /// So many seconds after something was seen for the `count`th time, counted from one.
        case moment(Moment, count: Int, delay: Double)
    }

    /// Points of a run at which failures are worth more than at random times.
    package enum Moment: String, Hashable, Sendable, CaseIterable {
        case planSent = "a plan was sent"
        case preparedHeard = "a node reported prepared"
        case resumeSent = "a resume was sent"
        case voteHeard = "a vote came in"
        case commitSent = "a commit was sent"
        case lossDeclared = "a node was declared lost"
        case collectSent = "the final state was asked for"
        case stepSkipped = "a step was skipped"

        /// Those at which faults of any kind strike.
        static let usual = allCases.filter { $0 != .stepSkipped }
    }

    /// Which processes of a node are hit.
    package enum Target: String, Hashable, Sendable, CaseIterable {
        case worker
        case agent
        case node
        /// The machine is off: nothing says goodbye.
        case machine
    }

    /// Which way messages stop.
    package enum Direction: String, Hashable, Sendable, CaseIterable {
        case both = "both ways"
        case toNode = "to the node"
        case fromNode = "from the node"
    }

    /// How a stream comes to break: the transport finds it by checksum, length or sequence number.
    package enum Damage: String, Hashable, Sendable, CaseIterable {
        case bitFlip = "a flipped bit"
        case truncation = "a truncated message"
        case loss = "a lost message"
    }

    /// What happens.
    package enum Action: Hashable, Sendable {
        case kill(Target, nodes: Int)
        /// All nodes of one pipeline at once.
        case killPipeline(Target)
        /// SIGSTOP, and SIGCONT after so many seconds.
        case freeze(Target, seconds: Double)
        /// A node and the coordinator do not reach each other.
        case cutOff(Direction, seconds: Double)
        /// Two nodes do not reach each other, but both the coordinator.
        case split(seconds: Double)
        /// The stream of a node's worker or agent breaks.
        case breakStream(Target, Damage)
        /// No node and the coordinator reach each other.
        case cutOffCoordinator(seconds: Double)
        /// All messages take up to 100 ms longer.
        case jitter(seconds: Double)
        /// The coordinator's process stands still.
        case freezeCoordinator(seconds: Double)
        /// The coordinator's process dies after so many more directives, and another takes over
        /// from what it kept after so many seconds.
        case crashCoordinator(directives: Int, seconds: Double)
        case join(nodes: Int)
        /// A node that joins, dies and joins again.
        case flap(times: Int)
        case drain
        /// A worker takes its peers for dead though all live.
        case falseAlarm
        /// A second process claims a living node's number.
        case impostor(Target)
        /// Old messages of a node arrive once more.
        case replay
        /// Nothing can be kept: neither the ledger, nor what the next coordinator has to know.
        case diskFull(seconds: Double)
        /// From now on nodes report times and sizes that cannot have been measured.
        case mismeasure(nodes: Int)
        /// A node's steps never end from now on, while its heartbeats go on.
        case crawl
        /// A node's processor computes wrong from now on: otherwise each time, or alike.
        case miscompute(alike: Bool)
        /// Someone asks that the run stops, and has it go on with new nodes once all is quiet; twice if
        /// it is to be `atOnce`.
        case stop(atOnce: Bool)
        /// Someone asks for a checkpoint.
        case save
        /// The coordinator's lease ends, and another leads after so many seconds.
        case depose(seconds: Double)
        /// The coordinator's machine is off, and another coordinator starts on it after this time.
        case losePower(seconds: Double)
        /// Members of the shared store stand still.
        case stallMembers(count: Int, seconds: Double)
        /// The coordinator and the shared store do not reach each other.
        case cutFromStore(seconds: Double)
        /// The shared store takes nothing new.
        case storeFull(seconds: Double)
        /// A worker takes no messages of the coordinator from now on.
        case clog
        /// A worker runs out of memory, and its machine comes back after so many seconds.
        case outOfMemory(seconds: Double)
        /// A worker computes so many times slower, for good if no seconds are named.
        case slow(factor: Double, seconds: Double?)
        /// Something of a worker's numbers is damaged in its memory.
        case flip(Flip)
        /// A node's processor computes wrong in some tries of a step.
        case miscomputeAtTimes
        /// Nodes that join within so many seconds.
        case storm(nodes: Int, seconds: Double)
    }

    /// Which of a worker's numbers are damaged.
    package enum Flip: Hashable, Sendable, CaseIterable {
        /// A layer's state, at any time.
        case state
        /// A layer's state, while an update is written.
        case update
        /// A sum of gradients, before its norm is taken.
        case sum
    }

    package var trigger: Trigger
    package var action: Action

    package init(_ trigger: Trigger, _ action: Action) {
        self.trigger = trigger
        self.action = action
    }
}

extension WorldFault.Action {
    /// How many nodes it may cost the run.
    var cost: Int {
        switch self {
        case .kill(_, let nodes): nodes
        case .killPipeline: .max
        case .split, .freeze, .cutOff, .breakStream, .flap, .impostor, .crawl, .miscompute, .clog,
            .outOfMemory, .flip, .miscomputeAtTimes:
            1
        case .jitter, .freezeCoordinator, .crashCoordinator, .cutOffCoordinator, .join, .drain,
            .falseAlarm, .replay,
            .diskFull, .mismeasure, .stop, .save, .depose, .losePower, .stallMembers, .cutFromStore,
            .storeFull, .slow, .storm:
            0
        }
    }
}

extension WorldFault.Action {
    /// The kind of thing it is, in a word.
    package var kind: String {
        switch self {
        case .kill: "kill"
        case .killPipeline: "kill-pipeline"
        case .freeze: "freeze"
        case .cutOff: "cut-off"
        case .split: "split"
        case .breakStream: "break-stream"
        case .jitter: "jitter"
        case .freezeCoordinator: "freeze-coordinator"
        case .crashCoordinator: "crash-coordinator"
        case .cutOffCoordinator: "cut-off-coordinator"
        case .join: "join"
        case .flap: "flap"
        case .drain: "drain"
        case .falseAlarm: "false-alarm"
        case .impostor: "impostor"
        case .replay: "replay"
        case .diskFull: "disk-full"
        case .mismeasure: "mismeasure"
        case .crawl: "crawl"
        case .miscompute: "miscompute"
        case .stop: "stop"
        case .save: "save"
        case .depose: "depose"
        case .losePower: "lose-power"
        case .stallMembers: "stall-members"
        case .cutFromStore: "cut-from-store"
        case .storeFull: "store-full"
        case .clog: "clog"
        case .outOfMemory: "out-of-memory"
        case .slow: "slow"
        case .flip(.state): "flip-state"
        case .flip(.update): "flip-update"
        case .flip(.sum): "flip-sum"
        case .miscomputeAtTimes: "miscompute-at-times"
        case .storm: "storm"
        }
    }

    /// What only happens where coordinators share a store.
    package static let sharedKinds: Set<String> = ["stall-members", "cut-from-store", "store-full"]

    /// All other kinds.
    package static let kinds: Set<String> = [
        "kill", "kill-pipeline", "freeze", "cut-off", "split", "break-stream", "jitter",
        "freeze-coordinator", "crash-coordinator", "cut-off-coordinator", "join", "flap", "drain",
        "false-alarm",
        "impostor", "replay",
        "disk-full", "mismeasure", "crawl", "miscompute", "stop", "save",
        "depose", "clog", "out-of-memory", "lose-power", "slow", "flip-state", "flip-update",
        "flip-sum", "miscompute-at-times", "storm",
    ]
}

extension WorldFault: CustomStringConvertible {
    /// One line for people.
    package var description: String {
        switch trigger {
        case .time(let time): "at \(Self.text(time)): \(action)"
        case .moment(let moment, let count, let delay):
            "\(Self.text(delay)) after \(moment.rawValue) (\(count)): \(action)"
        }
    }

    static func text(_ seconds: Double) -> String { "\((seconds * 1000).rounded() / 1000) s" }
}

extension WorldFault.Action: CustomStringConvertible {
    /// A few words for people.
    package var description: String {
        func time(_ seconds: Double) -> String { WorldFault.text(seconds) }
        return switch self {
        case .kill(let target, let nodes): "kill \(nodes) × \(target.rawValue)"
        case .killPipeline(let target): "kill each \(target.rawValue) of a pipeline"
        case .freeze(let target, let seconds): "freeze a \(target.rawValue) for \(time(seconds))"
        case .cutOff(let way, let seconds): "cut a node off \(way.rawValue) for \(time(seconds))"
        case .split(let seconds): "part two nodes for \(time(seconds))"
        case .breakStream(let target, let damage):
            "break the stream of a \(target.rawValue): \(damage.rawValue)"
        case .jitter(let seconds): "delays up to 100 ms for \(time(seconds))"
        case .freezeCoordinator(let seconds): "freeze the coordinator for \(time(seconds))"
        case .crashCoordinator(let directives, let seconds):
            "kill the coordinator after \(directives) directives; another after \(time(seconds))"
        case .cutOffCoordinator(let seconds): "cut the coordinator off for \(time(seconds))"
        case .join(let nodes): "join of \(counted(nodes, "node"))"
        case .flap(let times): "a node dies and rejoins \(counted(times, "time"))"
        case .drain: "drain a node"
        case .falseAlarm: "a false alarm"
        case .impostor(let target): "a second \(target.rawValue) claims a living node's number"
        case .replay: "old messages of a node arrive again"
        case .diskFull(let seconds): "the disk is full for \(time(seconds))"
        case .mismeasure(let nodes): "\(nodes) nodes measure nonsense"
        case .crawl: "a node computes without an end"
        case .miscompute(true): "a node computes wrong, alike each time"
        case .miscompute(false): "a node computes wrong, otherwise each time"
        case .stop(let atOnce): "the run is told to stop\(atOnce ? " at once" : ""), and resumed"
        case .save: "a checkpoint is asked for"
        case .depose(let seconds): "the lead is lost; another coordinator after \(time(seconds))"
        case .losePower(let seconds): "the coordinator's machine is off for \(time(seconds))"
        case .stallMembers(let count, let seconds):
            "\(counted(count, "member")) of the store stand still for \(time(seconds))"
        case .cutFromStore(let seconds): "the store is not reached for \(time(seconds))"
        case .storeFull(let seconds): "the store is full for \(time(seconds))"
        case .clog: "a worker takes no messages any more"
        case .outOfMemory(let seconds): "a worker runs out of memory, back in \(time(seconds))"
        case .slow(let factor, let seconds):
            "a worker is \(Int(factor)) times slower\(seconds.map { " for \(time($0))" } ?? "")"
        case .flip(.state): "a bit of a worker's state flips"
        case .flip(.update): "a bit flips while a worker updates its state"
        case .flip(.sum): "a bit of a worker's sums flips"
        case .miscomputeAtTimes: "a node computes wrong at times"
        case .storm(let nodes, let seconds): "\(nodes) nodes join within \(time(seconds))"
        }
    }
}
