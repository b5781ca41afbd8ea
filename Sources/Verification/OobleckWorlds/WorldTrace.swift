import OobleckCoordination
import OobleckCore

/// Lines of a world's story for people, at most 80 columns wide.
package enum WorldTrace {
    static let width = 80

    static func line(at time: Double, _ text: String) -> String {
        let milliseconds = Int((time * 1000).rounded())
        let seconds = "\(milliseconds / 1000)"
        let rest = "\(1000 + milliseconds % 1000)".dropFirst()
        let stamp = String(repeating: " ", count: max(0, 4 - seconds.count)) + "\(seconds).\(rest)"
        return String("\(stamp)  \(text)".prefix(width))
    }

    /// What the coordinator hears; nothing for what only shows that somebody lives.
    static func text(of event: CoordinatorEvent) -> String? {
        switch event {
        case .agentJoined(let node, _): "node \(node): agent joins"
        case .agentReturned(let node, _): "node \(node): agent is back"
        case .workerReturned(let node, _, let testimony):
            "node \(node): worker is back, step \(testimony.steps), layers \(testimony.layers)"
        case .workerJoined(let node, _): "node \(node): worker joins"
        case .worker(let node, let message): "node \(node): \(text(of: message))"
        case .nodeLost(let node, let evidence): "node \(node): lost: \(evidence)"
        case .agentEnded(let node, let evidence): "node \(node): agent ended: \(evidence)"
        case .dropped: "nodes come back that had dropped the coordinator"
        case .sessionEnded(let node, let side):
            "node \(node): the stream of its \(side.rawValue) ends"
        case .outOfMemory(let node, let evidence): "node \(node): out of memory: \(evidence)"
        case .drainRequested(let node): "node \(node): drain requested"
        case .stopRequested(let reason): "stop requested: \(reason)"
        case .endRequested(let reason): "end requested: \(reason)"
        case .saveRequested: "save requested"
        case .checkpoint(let outcome): "checkpoint store: \(outcome)"
        case .storageRestored(let wait): "the disk takes things again after \(wait.value) s"
        case .agentHeard, .workerHeard, .tick: nil
        }
    }

    private static func text(of message: WorkerMessage) -> String {
        switch message {
        case .ready: "ready"
        case .prepared(let report): "prepared for generation \(report.generation)"
        case .resumed(let generation, let step): "begins step \(step), generation \(generation)"
        case .evaluated(let report):
            "has evaluated step \(report.step), generation \(report.generation)"
        case .vote(let vote): "votes for step \(vote.step), generation \(vote.generation)"
        case .faulted(let generation, let what, _): "fault in generation \(generation): \(what)"
        case .failed(let status, let what): "failed with status \(status): \(what)"
        case .rendezvous(let rendezvous): "is ready to meet, generation \(rendezvous.generation)"
        case .digests: "digests"
        case .shard(let report): "layer \(report.layer) saved at \(report.step): \(report.outcome)"
        case .restoreFailed(let failure): failure.message
        case .layerChunk(let chunk):
            "a piece of layer \(chunk.layer)\(chunk.isLast ? ", last" : "")"
        }
    }

    /// What the coordinator does; nothing where its event log says it better.
    static func text(
        of directive: CoordinatorInstance.Directive,
        _ sessions: [WorldSession]
    ) -> String? {
        switch directive {
        case .worker(let session, let instruction):
            text(of: instruction).map {
                "    to node \(sessions[session.rawValue].process.worker): \($0)"
            }
        case .agent(let session, let instruction):
            text(of: instruction).map {
                "    to agent \(sessions[session.rawValue].process.node): \($0)"
            }
        case .fence(let node): "    node \(node) is out"
        case .record(let step):
            "    step \(step.step) recorded, generation \(step.generation), loss \(numberForPeople(step.loss))"
        case .log(let event):
            switch event.kind {
            case .planned, .aborted, .warning, .suspicion, .refused, .nodeDrained, .recovered:
                "    \(event.message)"
            default: nil
            }
        case .finish(.completed): "    the run is complete"
        case .finish(.stopped(let error)): "    the run stops: \(error.message)"
        case .finish(.abandoned(let error)): "    the run is left alone: \(error.message)"
        case .restored(let restored): "    back to step \(restored.step)"
        case .recordEvaluation(let recorded):
            "    the state after \(recorded.step) is evaluated, loss \(numberForPeople(recorded.loss))"
        case .recordArithmetic(let recorded): "    all compute as \(recorded.arithmetic.mark)"
        case .persist, .publish, .recovered, .measured, .store, .checkpoint, .conclude, .write,
            .close, .drop,
            .wake:
            nil
        }
    }

    private static func text(of instruction: WorkerInstruction) -> String? {
        switch instruction {
        case .message(let message): text(of: message)
        case .refused(let reason): "refused: \(reason)"
        case .welcome, .heartbeat: nil
        }
    }

    private static func text(of instruction: AgentInstruction) -> String? {
        switch instruction {
        case .refused(let reason): "refused: \(reason)"
        case .fence(let reason): "leave: \(reason)"
        case .stop(let reason): "stop: \(reason)"
        case .admitted, .heartbeat: nil
        }
    }

    private static func text(of message: CoordinatorMessage) -> String? {
        switch message {
        case .reconfigure(let plan): "prepare generation \(plan.generation)"
        case .resume(let generation, let step): "resume at step \(step), generation \(generation)"
        case .evaluate(_, let step): "evaluate the state after \(step)"
        case .commit(let commit): "commit step \(commit.step)\(commit.pauses ? ", then pause" : "")"
        case .abort(let generation, _): "abort generation \(generation)"
        case .collect(_, let upload): "hand in digests and layers \(upload)"
        case .checkpoint(let order): "save layers \(order.layers) at step \(order.step)"
        case .stop(let reason): "stop: \(reason)"
        case .job, .rendezvous: nil
        }
    }
}
