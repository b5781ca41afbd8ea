import OobleckCoordination
import OobleckCore
import OobleckWire
import SwiftProtobuf

extension WireAgentReport {
    package init(hello: SessionHello) {
        self.init()
        node = Int64(hello.node?.rawValue ?? -1)
        self.hello = WireHello(hello)
    }

    package init(_ report: AgentReport, node: NodeID) {
        self.init()
        self.node = Int64(node.rawValue)
        switch report {
        case .heartbeat: heartbeat = WireHeartbeat()
        case .workerExited(let evidence, let isOutOfMemory):
            workerExit = .with {
                $0.evidence = evidence
                $0.isOutOfMemory = isOutOfMemory
            }
        case .leaving(let reason): leaving = WireLine(reason: reason)
        }
    }

    /// Throws one line that names the message when it makes no sense.
    package func report() throws -> ReceivedReport<AgentReport> {
        switch content {
        case nil: throw malformed("AgentReport", "has no content")
        case .hello(let hello): return .hello(try hello.hello())
        case .heartbeat: return .report(try sender(), .heartbeat)
        case .workerExit(let exit):
            let evidence = line(exit.evidence)
            return .report(
                try sender(),
                .workerExited(evidence: evidence, isOutOfMemory: exit.isOutOfMemory)
            )
        case .leaving(let said):
            return .report(try sender(), .leaving(reason: line(said.reason)))
        }
    }

    private func sender() throws -> NodeID { NodeID(try index(node, "AgentReport.node")) }
}

extension WireAgentInstruction {
    package init(_ instruction: AgentInstruction) {
        self.init()
        switch instruction {
        case .admitted(let node, let budget, let wait, let level, let devices):
            admitted = WireAdmission(
                node: node,
                detectionBudget: budget,
                coordinatorWait: wait
            )
            admitted.cpuLevel = level?.rawValue ?? ""
            admitted.devices = Int64(devices)
        case .refused(let reason): refused = WireLine(reason: reason)
        case .fence(let reason): fence = WireLine(reason: reason)
        case .stop(let reason): stop = WireLine(reason: reason)
        case .heartbeat: heartbeat = WireHeartbeat()
        }
    }

    /// Throws one line that names the message when it makes no sense.
    package func instruction() throws -> AgentInstruction {
        switch content {
        case nil: throw malformed("AgentInstruction", "has no content")
        case .admitted(let admission):
            let (node, budget, wait) = try admission.admission()
            return .admitted(
                node,
                detectionBudget: budget,
                coordinatorWait: wait,
                cpuLevel: try admission.level(),
                devices: try admission.workers()
            )
        case .refused(let said): return .refused(reason: line(said.reason))
        case .fence(let said): return .fence(reason: line(said.reason))
        case .stop(let said): return .stop(reason: line(said.reason))
        case .heartbeat: return .heartbeat
        }
    }
}
