import OobleckCore

/// Version of the control plane's messages; both sides of a session need the same.
package let controlProtocolVersion: Int32 = 1

/// What the coordinator tells an agent.
package enum AgentInstruction: Hashable, Sendable {
    /// First answer: the agent is this node, waits so long for a coordinator that is gone, and has a
    /// worker for each of its devices compute for this level of the processor.
    case admitted(
        NodeID,
        detectionBudget: Seconds,
        coordinatorWait: Seconds = ClusterSpecification.defaultCoordinatorWait,
        cpuLevel: CPULevel? = nil,
        devices: Int = 1
    )
    /// First and last answer: the agent is not wanted.
    case refused(reason: String)
    /// The node is out for good: kill its workers and leave.
    case fence(reason: String)
    /// The run is over: see the workers off and leave.
    case stop(reason: String)
    /// A sign of life.
    case heartbeat
}

/// What an agent tells the coordinator after its hello.
package enum AgentReport: Hashable, Sendable {
    case heartbeat
    /// A worker is gone, for the reason that the system gave.
    case workerExited(evidence: String, isOutOfMemory: Bool = false)
    /// The node is to go soon, and wants to leave at the next step boundary.
    case leaving(reason: String)
}

/// What a worker's session carries from the coordinator.
package enum WorkerInstruction: Hashable, Sendable {
    /// First answer: the worker belongs to the run, and waits so long for a coordinator that is gone.
    case welcome(
        NodeID,
        detectionBudget: Seconds,
        coordinatorWait: Seconds = ClusterSpecification.defaultCoordinatorWait
    )
    /// Last answer: the worker is not wanted, or not any more.
    case refused(reason: String)
    case message(CoordinatorMessage)
    /// A sign of life.
    case heartbeat
}

/// What a worker's session carries to the coordinator after its hello.
package enum WorkerReport: Hashable, Sendable {
    case heartbeat
    case message(WorkerMessage)
}

/// First report of a session.
package struct SessionHello: Hashable, Sendable {
    package var node: NodeID?
    /// The device of a worker; 0 for an agent.
    package var device: Int
    package var pid: Int
    package var protocolVersion: Int32
    /// Names the node over deaths and returns, as its number does not; empty is unknown.
    package var nodeName: String
    /// What the machine calls itself from start to start, the same in all of its containers; empty is unknown.
    package var machine: String
    /// Version of the program; empty is unknown.
    package var programVersion: String
    /// Most file descriptors that the process may open; 0 is unknown.
    package var openFileLimit: Int
    /// Whether an earlier session of this process was answered.
    package var isReturning: Bool
    /// What a worker that comes back holds.
    package var testimony: WorkerTestimony?

    package init(
        node: NodeID?,
        device: Int = 0,
        pid: Int,
        protocolVersion: Int32 = controlProtocolVersion,
        nodeName: String = "",
        machine: String = "",
        programVersion: String = "",
        openFileLimit: Int = 0,
        isReturning: Bool = false,
        testimony: WorkerTestimony? = nil
    ) {
        self.node = node
        self.device = device
        self.pid = pid
        self.protocolVersion = protocolVersion
        self.nodeName = nodeName
        self.machine = machine
        self.programVersion = programVersion
        self.openFileLimit = openFileLimit
        self.isReturning = isReturning
        self.testimony = testimony
    }
}
