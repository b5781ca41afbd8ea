extension Warning {
    /// One line for people.
    var sentence: String {
        switch self {
        case .coordinatorAway(let time):
            "the coordinator itself was away for \(EventText.tenths(time)) s"
        case .notStarted(let node, let evidence): "node \(node) did not start: \(evidence)"
        case .planKept(let reason): "the plan stays as it is: \(reason)"
        case .leavesAtBoundary(let node): "node \(node) leaves at the next step boundary"
        case .checkpointSkipped(let step, let writing):
            "no checkpoint of step \(step): that of step \(writing) is still being written"
        case .checkpointStore(let reason): reason
        case .collectiveFailed(let generation, let failure):
            "a collective of generation \(generation) failed: \(failure.text)"
        case .startsShort(let ready, let expected):
            "starting with \(counted(ready, "node")) of \(expected): no more got ready"
        case .waitsForStart(let nodes): nodes.sentence
        case .finalStateNotEvaluated(let reason): "the final state is not evaluated: \(reason)"
        case .stays(let node, let reason): "node \(node) stays: without it \(reason)"
        case .notCovered(let nodes, let losses):
            "with \(counted(nodes, "node")) not every loss of \(losses) at once can be survived"
        case .startsOver(let weights):
            "there is no checkpoint to restore: the run starts again from "
                + (weights.map { "the weights in \($0)" } ?? "the seed")
        case .checkpointNotNeeded: "going on without a checkpoint: all layers are held"
        case .eventsDropped(let count): "\(count) events could not be written, and are left out"
        }
    }
}

extension MissingNodes {
    var sentence: String {
        let others = max(0, missing - starting.count)
        let parts = [
            starting.isEmpty ? nil : "\(EventText.nodes(starting)) started and not ready",
            others == 0 ? nil : "\(others) not started yet (oobleck agent)",
        ]
        return
            "waiting for \(counted(missing, "node")) of \(expected): "
            + parts.compactMap { $0 }.joined(separator: ", ")
    }
}

extension Refusal {
    /// One line for people.
    var sentence: String {
        switch self {
        case .misfit(let who, let misfit): "\(who) refused: it \(misfit.reason)"
        case .outsider(let node, let side, let wasAdmitted):
            "\(side.rawValue) of node \(node) refused: the node "
                + (wasAdmitted ? "is out" : "was never admitted")
        case .differs(_, let reason), .quarantined(_, let reason): reason
        case .drain(let node, let obstacle): "drain of node \(node) refused: \(obstacle.text)"
        }
    }
}

extension Refusal.DrainObstacle {
    var text: String {
        switch self {
        case .unknownNode: "no such living node"
        case .ending: "the run is ending"
        case .collecting: "training is over, the final state is being collected"
        }
    }
}

extension StopEnd {
    /// When: `after step 7`.
    var text: String {
        switch self {
        case .finalState: "when its final state is complete"
        case .step(let step): "after step \(step)"
        case .evaluation(let step): "once the state after step \(step) is evaluated"
        }
    }
}

extension CheckpointRequest {
    var sentence: String {
        switch self {
        case .jobSavesNone: "no checkpoint, though asked for: the job saves none"
        case .noted: "a checkpoint is saved at the next step boundary, as asked"
        case .saved(let step): "the checkpoint of step \(step) is saved, as asked"
        }
    }
}

extension IsolationCause {
    var sentence: String {
        switch self {
        case .silence(let nodes, let limit):
            "\(EventText.nodes(nodes)) fell silent together: the coordinator's own link is "
                + "the likelier reason; nothing is committed until they are heard of, for "
                + "\(EventText.tenths(limit)) s"
        case .dropped:
            "nodes dropped a coordinator that was not heard for a while; it still leads, and they "
                + "come back"
        }
    }
}

extension Reconnected {
    func sentence(step: Int) -> String {
        switch self {
        case .heard(let time, let silent):
            "nodes are heard of again after \(EventText.tenths(time)) s"
                + (silent.isEmpty ? "" : ", without \(EventText.nodes(silent))")
                + "; goes on at step \(step)"
        case .restarted(let term, let time, let workers):
            "coordinator \(term) goes on after \(Int((time.value * 1000).rounded())) ms with "
                + "\(counted(workers, "worker")), at step \(step)"
        }
    }
}

extension StorageTrouble {
    var sentence: String {
        switch self {
        case .failing(let reason, let advice):
            "storage fails, the run waits: \(reason)" + (advice.map { "; \($0)" } ?? "")
        case .silent: "storage does not answer: the run waits for a write"
        }
    }
}
