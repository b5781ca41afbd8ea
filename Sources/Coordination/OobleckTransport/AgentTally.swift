import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// What an agent has done and heard, for those who observe the node.
package struct AgentFacts: Sendable {
    /// How workers end.
    package enum WorkerEnd: String, CaseIterable, Sendable {
        case inOrder = "in-order"
        case status
        case signal
        case outOfMemory = "out-of-memory"
    }

    /// The number of the node, once it has one.
    package internal(set) var node: NodeID?
    /// Processes of the workers that were started, by device.
    package internal(set) var workers: [Int: Int32] = [:]
    /// Devices whose worker is gone.
    package internal(set) var ended: Set<Int> = []
    package internal(set) var workerEnds: [WorkerEnd: Int] = [:]
    /// Sessions with a coordinator that were tried, those that it answered, and those that ended.
    package internal(set) var (attempts, sessions, lostSessions) = (0, 0, 0)
    /// Whether there is a session that a coordinator has answered.
    package internal(set) var isConnected = false
    package internal(set) var (heartbeatsSent, heartbeatsHeard) = (0, 0)
    /// When the coordinator was heard last, on this machine's monotonic clock.
    package internal(set) var heard: Seconds?
    /// Whether the node was asked to leave.
    package internal(set) var isLeaving = false
    /// Why the session is over: the node was put out, refused, or its run is finished.
    package internal(set) var ending: String?

    /// An agent that has done nothing yet.
    package init() {}
}

/// Counts what an agent does and hears; from any thread.
package final class AgentTally: Sendable {
    private let state = Mutex(AgentFacts())

    package init() {}

    /// What is known now.
    package var facts: AgentFacts { state.withLock { $0 } }

    func change(_ body: (inout AgentFacts) -> Void) { state.withLock { body(&$0) } }

    func noteHeard(_ instruction: AgentInstruction) {
        let now = MonotonicTime.now
        change { facts in
            facts.heard = now
            switch instruction {
            case .heartbeat: facts.heartbeatsHeard += 1
            case .admitted:
                facts.sessions += 1
                facts.isConnected = true
            case .fence(let reason), .refused(let reason), .stop(let reason):
                facts.ending = reason
            }
        }
    }

    func noteClosed() {
        change { facts in
            guard facts.isConnected else { return }
            facts.isConnected = false
            facts.lostSessions += 1
        }
    }

    func noteExit(of device: Int, _ end: AgentFacts.WorkerEnd) {
        change { facts in
            facts.workerEnds[end, default: 0] += 1
            facts.ended.insert(device)
        }
    }
}

extension AgentFacts.WorkerEnd {
    /// What an exit is.
    init(_ exit: ChildProcess.Exit, wasKilledForMemory: Bool) {
        switch exit {
        case _ where wasKilledForMemory: self = .outOfMemory
        case .status(0): self = .inOrder
        case .status: self = .status
        case .signal: self = .signal
        }
    }
}
