import OobleckCoordination
import OobleckCore

/// A whole run on a virtual clock: the production coordinator, and agents, workers, streams and a
/// disk that fail as real ones do.
///
/// Everything follows from the seed.
///
/// The transport is what the real one is: one ordered, checksummed stream a session. A message that
/// is lost, cut short or altered on its way therefore shows as a broken stream, at both ends and at
/// different times; messages that cannot get through wait and arrive late, after everybody has
/// moved on. Beyond that, old messages may come once more (``WorldFault/Action/replay``).
package final class World {
    package let setup: WorldSetup
    package let isTraced: Bool
    package internal(set) var now = 0.0
    package internal(set) var judge: WorldJudge
    package internal(set) var trace: [String] = []
    /// Longest time without progress after the last fault was over.
    package internal(set) var longestWait = 0.0
    /// All that was kept for the next coordinator, in order.
    package internal(set) var changes: [DurableChange] = []
    /// Directives of all coordinators so far.
    package internal(set) var directiveCount = 0
    /// Faults that came to pass, by their place in the setup.
    package internal(set) var struck: Set<Int> = []

    var random: SeededRandom
    var agenda = Agenda<Happening>()
    var shell: CoordinatorShell
    /// What the run's state is kept in where several coordinators share it.
    var shared: SharedStoreWorld?
    var nodes: [NodeID: SimulatedNode] = [:]
    var sessions: [WorldSession] = []
    var network = WorldNetwork()
    var disk: SimulatedDisk
    var moments: [WorldFault.Moment: Int] = [:]
    /// Faults that wait for their moment: place in the setup, and at which count they strike.
    var armed: [(fault: Int, moment: WorldFault.Moment, count: Int, delay: Double)] = []
    /// Nodes hurt since every layer last had all of its copies.
    var hurt: Set<NodeID> = []
    /// Nodes that will be lost as soon as both sides notice what happened to them.
    var doomed: Set<NodeID> = []
    /// When the last fault so far began or ended, and when the run last got on.
    var troubleUntil = 0.0
    var progress = 0.0
    var isOver = false
    /// When the coordinator's process ended, while there is no other.
    var downSince = 0.0
    /// Whether there was no coordinator for longer than nodes look for their first.
    var wasAwayTooLong = false

    /// Without progress for so long after the last fault, in seconds, a run hangs: the longest
    /// deadline (a step nobody finishes: 60 s) and what may follow it one after the other.
    package static let patience = 120.0
    /// How long processes may take to be gone after the run is over and all faults are, in seconds:
    /// the 60 s for which they look for a coordinator, and what it takes to leave.
    static let farewell = 75.0
    static let detectionBudget = 2.0

    package init(_ setup: WorldSetup, isTraced: Bool = false) throws {
        self.setup = setup
        self.isTraced = isTraced
        random = SeededRandom(seed: setup.seed)
        judge = WorldJudge(setup)
        disk = SimulatedDisk(keep: setup.checkpoint?.keep ?? 1, trouble: setup.diskTrouble)
        var coordinator = try ToyModel.shared.worldCoordinator(setup)
        coordinator.putBack(setup.bugs)
        coordinator.hasStandby = setup.hasStandby
        shell = CoordinatorShell(coordinator)
        shell.files.bugs = setup.bugs
        for _ in 0..<setup.nodes { addNode(after: random.seconds(0...0.1)) }
        for (place, fault) in setup.faults.enumerated() {
            switch fault.trigger {
            case .time(let time): agenda.add(.fault(place), at: time)
            case .moment(let moment, let count, let delay):
                armed.append((place, moment, count, delay))
            }
        }
        if setup.hasSharedStore { makeSharedStore() }
        agenda.add(.tick, at: 0)
    }

    /// A run that was gone through: two nodes die one after the other, one joins, and one is drained.
    package static func lively(seed: UInt64, nodes: Int, steps: Int) throws -> World {
        let faults: [WorldFault] = [
            WorldFault(.moment(.commitSent, count: 3, delay: 0.01), .kill(.worker, nodes: 1)),
            WorldFault(.time(0.1), .join(nodes: 1)),
            WorldFault(.moment(.resumeSent, count: 9, delay: 0.01), .drain),
            WorldFault(.moment(.resumeSent, count: 14, delay: 0.01), .kill(.node, nodes: 1)),
        ]
        let setup = WorldSetup(
            seed: seed,
            nodes: nodes,
            steps: steps,
            faultTolerance: 1,
            isWithinTolerance: true,
            faults: faults
        )
        let world = try World(setup)
        world.run()
        return world
    }

    /// How the run ended; nothing while it goes.
    package var outcome: RunOutcome? { shell.outcome }

    /// Runs the world to its end, and judges it.
    package func run() {
        while !isOver, let (time, happening) = agenda.next() {
            now = time
            happen(happening)
        }
        judge.end(of: self)
    }

    /// What happened, for people: the world, its faults, the trace and the verdict, 80 columns wide.
    ///
    /// The trace is there only if the world was made with one.
    package var story: [String] {
        let promise =
            setup.isWithinTolerance
            ? "never more than \(setup.faultTolerance) hurt at once: must complete"
            : "may stop for a reason"
        var lines = [
            "seed \(setup.seed): \(counted(setup.nodes, "node")), \(counted(setup.steps, "step")), "
                + "f = \(setup.faultTolerance); \(promise)"
        ]
        if setup.devices > 1 { lines.append("  nodes of \(counted(setup.devices, "device"))") }
        if let checkpoint = setup.checkpoint {
            lines.append("  checkpoints by \(checkpoint.rhythm), \(checkpoint.keep) stay")
        }
        lines += setup.faults.map { "  \($0)" }
        lines += trace
        lines += judge.complaints.map { "BROKEN: \($0)" }
        if judge.complaints.isEmpty { lines.append("all holds") }
        return lines.map { String($0.prefix(WorldTrace.width)) }
    }

    private func happen(_ happening: Happening) {
        switch happening {
        case .arrive(let session, let isUp): arrive(session, isUp: isUp)
        case .read(let session, let payload): read(payload, session)
        case .data(let from, let to, let message): arriveData(message, from: from, to: to)
        case .errand(let process, let errand): run(errand, in: process)
        case .boot(let name): boot(name)
        case .fault(let place): strike(place)
        case .undo(let undo): perform(undo)
        case .store(let action, let term): store(action, of: term)
        case .wakeCoordinator(let term):
            guard !shell.isDown, shell.store.term == term else { return }
            tell(.wake)
        case .shared(let happening): happen(happening)
        case .tick: tick()
        }
    }

    /// A coordinator that has died since did it or not; nobody hears the answer.
    private func store(_ action: CheckpointAction, of term: Int) {
        let isDead = shell.isDown || shell.store.term != term
        guard !isDead || random.chance(0.5),
            let outcome = disk.perform(action, random: &random), !isDead
        else { return }
        tell(.checkpoint(outcome))
    }

    private func tick() {
        if shell.outcome == nil {
            if shell.isFrozen {
                shell.missedTick = true
            } else if isWriting {
                // Another thread gives them.
                giveSignsOfLife()
                shell.missedTick = true
            } else if !shell.isDown {
                giveSignsOfLife()
                tell(.tick)
                noteRecovery()
            }
            let waited = now - max(progress, troubleUntil)
            longestWait = max(longestWait, waited)
            if waited > Self.patience {
                let phase = shell.instance.status(now: Seconds(now)).phase
                judge.complain("no progress for \(Int(waited)) s after the last fault: \(phase)")
                isOver = true
            }
        } else {
            let living = nodes.values.contains { $0.agent.isRunning || $0.hasRunningWorker }
            if !living, wasStopped {
                // On a full disk nothing starts.
                if !shell.isDiskFull { resumeStopped() }
            } else {
                let isTold = shared?.isToldOver ?? true
                isOver = !living && isTold || now - max(progress, troubleUntil) > Self.farewell
            }
        }
        agenda.add(.tick, at: now + 0.2)
    }

    /// Notes that something was seen, and sets off what waited for it.
    func note(_ moment: WorldFault.Moment) {
        guard !armed.isEmpty else { return }
        let count = moments[moment, default: 0] + 1
        moments[moment] = count
        for wait in armed where wait.moment == moment && wait.count == count {
            agenda.add(.fault(wait.fault), at: now + wait.delay)
        }
        armed.removeAll { $0.moment == moment && $0.count == count }
    }

    func log(_ line: @autoclosure () -> String) {
        guard isTraced else { return }
        trace.append(WorldTrace.line(at: now, line()))
    }
}

/// What may happen in a world.
enum Happening {
    /// The next message of a stream gets to its end.
    case arrive(session: Int, isUp: Bool)
    /// A process that was frozen reads what had come.
    case read(session: Int, Payload)
    case data(from: WorkerID, to: WorkerID, DataMessage)
    case errand(SimulatedProcess, Errand)
    /// A node's machine starts: one of this name, or a new one.
    case boot(String?)
    case fault(Int)
    case undo(Undo)
    /// The checkpoint store does something.
    case store(CheckpointAction, term: Int)
    /// Between the processes and the store that they share.
    case shared(StoreHappening)
    /// A time has come that the coordinator of this term waits for.
    case wakeCoordinator(term: Int)
    case tick
}

/// What a stream carries.
enum Payload {
    case hello(SessionHello)
    case agentNotice(AgentReport)
    case workerNotice(WorkerReport)
    case agentInstruction(AgentInstruction)
    case workerInstruction(WorkerInstruction)
    /// The other end is closed.
    case end
}

/// What workers send each other.
enum DataMessage {
    case request(Generation, layer: Int)
    case delivery(Generation, layer: Int, SimulatedWorker.LayerState)
}

/// What a process does by itself after a while.
enum Errand {
    /// The stream is open, unless the coordinator is not reached.
    case open(session: Int)
    case wake
    case say(WorkerMessage)
    case finishComputing(Generation, step: Int, since: Double)
    case giveUpForming(Generation)
    case write(CheckpointOrder, layer: Int, SimulatedWorker.LayerState)
    case load(RestorePoint, Generation, layer: Int)
    /// The agent sees that a worker of it is gone.
    case noticeWorkerExit(evidence: String, inOrder: Bool)
    /// The worker sees that its agent is gone.
    case noticeAgentExit
    /// The agent has waited long enough for its workers to leave.
    case endFarewell
}

/// The end of something that went wrong.
enum Undo {
    case thaw([SimulatedProcess])
    case reconnect(NodeID, up: Bool, down: Bool)
    /// Without acknowledgements the other direction stands still, too, soon after.
    case starve(NodeID, up: Bool, down: Bool)
    case rejoin(NodeID, NodeID)
    case thawCoordinator
    case restartCoordinator
    case emptyDisk
    /// Members of the shared store go on.
    case resumeMembers([Int])
    case reachStore
    case emptyStore
    case calm
    case hasten(SimulatedTrainer)
    case flap(NodeID, left: Int)
}
