import OobleckCoordination
import OobleckCore

/// A process of a simulated machine.
final class SimulatedProcess {
    enum Role: String {
        case agent
        case worker
    }

    let node: NodeID
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

    init(node: NodeID, role: Role) {
        self.node = node
        self.role = role
    }
}

/// A simulated machine: one agent and its worker.
final class SimulatedNode {
    let id: NodeID
    /// What the machine calls itself, also when it comes back under another number.
    let name: String
    let agent: SimulatedProcess
    let worker: SimulatedProcess
    /// The production decisions of the agent's and the worker's sessions.
    var agentSession: AgentSession
    var workerSession: WorkerSession
    var logic: SimulatedWorker
    /// A machine without power never says goodbye.
    var isPowered = true
    /// Whether the agent's session is over and it only waits for its worker to leave.
    var isLeaving = false
    var isDismissed = false
    /// Whether its worker takes no messages of the coordinator.
    var isClogged = false
    /// Whether its worker ended for lack of memory.
    var isOutOfMemory = false

    init(id: NodeID, name: String, hasStandby: Bool, now: Double) {
        self.id = id
        self.name = name
        let pid = 100 + 2 * id.rawValue
        let (agentHello, workerHello) = (
            SessionHello(node: id, pid: pid, nodeName: name),
            SessionHello(node: id, pid: pid + 1, nodeName: name)
        )
        agentSession = AgentSession(
            hello: agentHello,
            hasStandby: hasStandby,
            now: Seconds(now)
        )
        workerSession = WorkerSession(
            node: id,
            hello: workerHello,
            hasStandby: hasStandby,
            now: Seconds(now)
        )
        agent = SimulatedProcess(node: id, role: .agent)
        worker = SimulatedProcess(node: id, role: .worker)
        logic = SimulatedWorker(id: id)
    }

    /// Whether both processes run and can work.
    var isWorking: Bool {
        agent.isRunning && worker.isRunning && !agent.isFrozen && !worker.isFrozen && isPowered
    }

    func processes(_ target: WorldFault.Target) -> [SimulatedProcess] {
        switch target {
        case .agent: [agent]
        case .worker: [worker]
        case .node, .machine: [agent, worker]
        }
    }
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
    var heldData: [Pair: [DataMessage]] = [:]
    /// Bound on extra delays at present, in seconds.
    var jitter = 0.0

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
