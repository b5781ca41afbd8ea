import OobleckCoordination
import OobleckCore

/// A process of a simulated machine.
final class SimulatedProcess {
    enum Role: String {
        case agent
        case worker
    }

    let node: NodeID
    /// That of a worker; an agent has the first.
    let device: Int
    let role: Role
    var isRunning = false
    /// Stopped by SIGSTOP: what happens to it waits.
    var isFrozen = false
    var backlog: [Happening] = []
    /// Its stream to the coordinator, or its attempt to open one.
    var session: Int?
    /// When its session's next deadline is on the agenda.
    var wake = Double.infinity
    /// Sessions that claim a number that is not theirs only read how they are refused.
    var isImpostor = false

    init(node: NodeID, device: Int = 0, role: Role) {
        self.node = node
        self.device = device
        self.role = role
    }

    /// The worker that it is, or claims to be.
    var worker: WorkerID { WorkerID(node, device: device) }
}

/// A worker's process, with the production decisions of its session and what it computes.
final class SimulatedTrainer {
    let process: SimulatedProcess
    var session: WorkerSession
    var logic: SimulatedWorker

    init(_ id: WorkerID, hello: SessionHello, hasStandby: Bool, now: Double) {
        process = SimulatedProcess(node: id.node, device: id.device, role: .worker)
        session = WorkerSession(
            worker: id,
            hello: hello,
            hasStandby: hasStandby,
            now: Seconds(now)
        )
        logic = SimulatedWorker(id: id)
    }
}

/// A simulated machine: one agent and its workers.
final class SimulatedNode {
    let id: NodeID
    /// What the machine calls itself, also when it comes back under another number.
    let name: String
    let agent: SimulatedProcess
    /// By device.
    let workers: [SimulatedTrainer]
    /// The production decisions of the agent's session.
    var agentSession: AgentSession
    /// A machine without power never says goodbye.
    var isPowered = true
    /// Whether the agent's session is over and it only waits for its workers to leave.
    var isLeaving = false
    var isDismissed = false
    /// Whether its workers take no messages of the coordinator.
    var isClogged = false
    /// Whether a worker of it ended for lack of memory.
    var isOutOfMemory = false

    init(id: NodeID, devices: Int, name: String, hasStandby: Bool, now: Double) {
        self.id = id
        self.name = name
        let pid = 100 + (1 + devices) * id.rawValue
        agentSession = AgentSession(
            hello: SessionHello(node: id, pid: pid, nodeName: name),
            hasStandby: hasStandby,
            now: Seconds(now)
        )
        agent = SimulatedProcess(node: id, role: .agent)
        workers = (0..<devices).map { device in
            SimulatedTrainer(
                WorkerID(id, device: device),
                hello: Self.hello(id, pid: pid + 1 + device, device: device, name: name),
                hasStandby: hasStandby,
                now: now
            )
        }
    }

    private static func hello(
        _ node: NodeID,
        pid: Int,
        device: Int,
        name: String
    ) -> SessionHello {
        SessionHello(node: node, device: device, pid: pid, nodeName: name)
    }

    /// A new session of a worker that starts.
    func startSession(of device: Int, hasStandby: Bool, now: Double) {
        let pid = 101 + (1 + workers.count) * id.rawValue + device
        workers[device].session = WorkerSession(
            worker: WorkerID(id, device: device),
            hello: Self.hello(id, pid: pid, device: device, name: name),
            hasStandby: hasStandby,
            now: Seconds(now)
        )
    }

    var processes: [SimulatedProcess] { [agent] + workers.map(\.process) }

    /// Whether all processes run and can work.
    var isWorking: Bool {
        isPowered && processes.allSatisfy { $0.isRunning && !$0.isFrozen }
    }

    var hasRunningWorker: Bool { workers.contains { $0.process.isRunning } }

    /// Whether the steps of all workers end, and come to the right bits.
    var isSound: Bool { workers.allSatisfy(\.logic.isSound) }
}

/// One ordered stream between a process and the coordinator.
struct WorldSession {
    let process: SimulatedProcess
    /// Whether the coordinator's and the process's end are open.
    var isOpenHere = true
    var isOpenThere = true
    /// Nothing but the news of it gets through any more.
    var isBroken = false
    var up = Direction()
    var down = Direction()
    /// The latest messages of the worker, to come again by mistake.
    var past: [WorkerMessage] = []

    /// What is under way in one direction, in order.
    struct Direction {
        var messages: [Payload] = []
        var lastArrival = 0.0
        /// Arrivals that are due and cannot get through at present.
        var held = 0
    }
}

/// Who does not reach whom; counts, because faults overlap.
struct WorldNetwork {
    var blockedUp: [NodeID: Int] = [:]
    var blockedDown: [NodeID: Int] = [:]
    var parted: [Pair: Int] = [:]
    var heldData: [Pair: [HeldMessage]] = [:]
    /// Bound on extra delays at present, in seconds.
    var jitter = 0.0

    /// A message between workers that does not get through.
    struct HeldMessage {
        let message: DataMessage
        let from: WorkerID
        let to: WorkerID
    }

    /// Two machines, in the order in which a message goes.
    struct Pair: Hashable {
        let from: NodeID
        let to: NodeID
    }

    func isBlocked(_ node: NodeID, isUp: Bool) -> Bool {
        (isUp ? blockedUp : blockedDown)[node, default: 0] > 0
    }

    func isCutOff(_ node: NodeID) -> Bool {
        isBlocked(node, isUp: true) || isBlocked(node, isUp: false)
    }

    func areParted(_ from: NodeID, _ to: NodeID) -> Bool {
        parted[Pair(from: from, to: to), default: 0] > 0
    }
}
