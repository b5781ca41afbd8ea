extension RunEvent {
    /// The event in one line for people.
    package var message: String {
        switch content {
        case .nodeJoined(let node, let pid): "node \(node) joined: agent \(pid)"
        case .nodeReady(let node): "node \(node) is ready"
        case .nodeLost(let node, let cause): "node \(node) is lost: \(cause.evidence)"
        case .nodeDrained(let node): "node \(node) has left"
        case .outOfMemory(let node, let name, let evidence, let load):
            "\(evidence); \(Self.outOfMemory(name.isEmpty ? "node \(node)" : name, load))"
        case .suspicion(let node, let side, let silence):
            "node \(node) is suspect: \(LossCause.silent(side, silence).evidence)"
        case .aborted(let ended, let reason): "generation \(ended) is over: \(reason)"
        case .planned(let plan): "generation \(plan.generation): \(plan.reason)"
        case .prepared(let generation, let nodes):
            "generation \(generation): prepared by all of \(counted(nodes, "node"))"
        case .resumed(let generation): "generation \(generation) trains from step \(step)"
        case .committed(let step, let loss, let isSkipped):
            "step \(step) committed\(isSkipped ? " without an update" : ""): "
                + "loss \(numberForPeople(loss))"
        case .proven(let step): "step \(step) was committed before, as its workers prove"
        case .evaluated(let result): Self.evaluated(result)
        case .recovered(let record): record.summary
        case .warning(let warning): warning.sentence
        case .refused(let refusal): refusal.sentence
        case .finished: "all \(counted(step, "step")) committed, all replicas agree"
        case .stopping(let reason, let end): "asked to stop (\(reason)): the run ends \(end.text)"
        case .stopped(let reason), .waitingForNodes(let reason): reason
        case .checkpointRequested(let request): request.sentence
        case .checkpointSaved(let saved): saved.sentence
        case .checkpointFailed(let failed): failed.sentence
        case .checkpointDamaged(_, let reason): "passed over: \(reason)"
        case .restored(let record):
            "step \(record.step) restored, \(counted(record.fromStep - record.step, "step")) to do "
                + "again: \(record.reason)"
        case .skipped(let skipped): skipped.sentence(step: step)
        case .damaged(let damage): damage.sentence(step: step)
        case .slow(let node, let slowness): Self.slow(node, slowness)
        case .rebalanced(let before, let after):
            "microbatches move: predicted step from \(EventText.milliseconds(before)) to "
                + EventText.milliseconds(after)
        case .setAside(let node, let slowness, let without, let with):
            "node \(node) is set aside: \(slowness.times) slower than its peers\(slowness.comparison), "
                + "predicted step \(EventText.milliseconds(without)), with it "
                + EventText.milliseconds(with)
        case .restarted(let term, let decay): restarted(term, decay)
        case .isolated(let cause): cause.sentence
        case .reconnected(let who): who.sentence(step: step)
        case .storageTrouble(let trouble): trouble.sentence
        case .storageRestored(let time, let wasSlow):
            wasSlow
                ? "storage answered after \(EventText.tenths(time)) s"
                : "storage works again after \(EventText.tenths(time)) s; the run goes on"
        case .untyped(_, _, let message): message
        }
    }

    private static func outOfMemory(_ who: String, _ load: MemoryBound) -> String {
        let what =
            load.layers.isEmpty
            ? "before it had any layer"
            : "with layers \(load.layers.map(\.description).joined(separator: ", ")), "
                + "\(load.bytes) by the profile"
        return "\(what): when \(who) comes back it gets less than that, or nothing"
    }

    private static func evaluated(_ result: RecordedEvaluation) -> String {
        let loss = numberForPeople((result.loss * 1e4).rounded() / 1e4)
        return
            "after \(counted(result.step, "step")): validation loss \(loss) on "
            + counted(result.samples, "sample")
    }

    private static func slow(_ node: NodeID, _ slowness: NodeSlowness?) -> String {
        guard let slowness else { return "node \(node) is as fast as its peers again" }
        return
            "node \(node) is slow: it takes \(slowness.times) as long as its peers for the same "
            + "layers\(slowness.comparison)"
    }

    private func restarted(_ term: Int, _ decay: DecaySpan?) -> String {
        let goal =
            decay.map {
                " of \($0.steps), on a schedule of the learning rate for \($0.decaySteps)"
            } ?? ""
        return "coordinator \(term) takes over at step \(step)\(goal)"
    }
}

extension SavedCheckpoint {
    var sentence: String {
        func text(_ time: Seconds) -> Double { (time.value * 1e5).rounded() / 1e2 }
        return
            "checkpoint of step \(step): \(bytes) in \(counted(layers, "layer")) by \(nodes) nodes; "
            + "training held up \(text(heldUp)) ms, on disk after \(text(written)) ms"
    }
}

extension FailedCheckpoint {
    /// What failed, without the step.
    package var trouble: String { node.map { "node \($0): \(reason)" } ?? reason }

    var sentence: String {
        let again = failuresInARow > 1 ? " (\(failuresInARow) saves in a row have failed)" : ""
        return "no checkpoint of step \(step): \(trouble)\(again)"
    }
}

extension SkippedStep {
    func sentence(step: Int) -> String {
        let what = "step \(step) skipped by all: \(reason)"
        guard let inARow, let limit else { return what }
        return "\(what); \(inARow) of the \(limit) in a row that end the run (skip_limit)"
    }
}
