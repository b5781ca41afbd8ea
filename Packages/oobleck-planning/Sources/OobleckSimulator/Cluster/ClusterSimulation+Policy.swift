/// What the policy is told, and when.
extension ClusterSimulation {
    mutating func lose(_ lost: [Int], _ kind: ClusterEvent.Loss) {
        let nodes = lost.filter { changes.present.contains($0) }
        guard !nodes.isEmpty else { return }
        record.tally.losses += 1
        view.lostNodes += nodes.count
        let known = nodes.filter { view.alive.contains($0) }
        let worked = nodes.contains { record.ledger.isWorking($0) }
        for node in nodes {
            changes.lose(node)
            view.alive.remove(node)
            if !view.slowFactors.isEmpty { view.slowFactors[node] = nil }
        }
        view.isRecovering = mode == .recovering
        let answer =
            mode == .halted || known.isEmpty ? nil : policy.answer(.lost(known, kind), view)
        if let answer {
            close(answer.rollback)
            if worked { record.tally.begin(at: view.time) }
        } else if worked, mode != .halted {
            preconditionFailure("the policy has no answer to the loss of working nodes \(nodes)")
        }
        for node in nodes {
            record.ledger.setGone(node, at: view.time)
            idle.remove(node)
        }
        if let answer { follow(answer) }
    }

    /// Arranges that the policy is asked when the running step ends.
    mutating func askAtStepEnd() {
        switch mode {
        case .halted: ask(.start)
        case .recovering: break
        case .training: timer = nextQuestion
        }
    }

    /// When the policy is to be asked: at the end of a step if there is news or it wished so, after
    /// some steps if there is a slow node; bounds at once.
    var nextQuestion: SimulatedTime? {
        guard let training, policy.waitsForSteps else { return changes.isEmpty ? nil : view.time }
        var next = SimulatedTime.never
        if changes.hasNews {
            next =
                since
                + RunProgress.nextStepEnd(
                    elapsed: view.time - since,
                    step: step,
                    checkpoints: training.checkpoints,
                    sinceCheckpoint: record.sinceCheckpoint
                )
        }
        if !changes.slow.isEmpty { next = min(next, slowKnown) }
        if training.endsAfterStep { next = min(next, since + step) }
        return next < .never ? next : nil
    }

    /// All wait for a slow node, and have done so since the beginning of the running step, as nobody
    /// can do anything about it before its end.
    mutating func slowDown() {
        guard mode == .training, policy.waitsForSteps, let training else {
            if mode != .halted { askAtStepEnd() }
            return
        }
        let now = view.time
        let progress = RunProgress(
            elapsed: now - since,
            step: step,
            checkpoints: training.checkpoints,
            sinceCheckpoint: record.sinceCheckpoint
        )
        view.time = now - SimulatedTime(nanoseconds: progress.partial)
        close(.none)
        view.time = now
        resume()
    }

    mutating func endStep() {
        for node in changes.joined { view.alive.insert(node) }
        let slowIsKnown = !policy.waitsForSteps || view.time >= slowKnown
        ask(changes.take(slowIsKnown: slowIsKnown))
        if mode == .training, timer == nil { timer = nextQuestion }
    }

    mutating func ask(_ event: PolicyEvent) {
        if case .start = event {
            for node in changes.joined { view.alive.insert(node) }
            changes.joined = []
        }
        view.isRecovering = mode == .recovering
        guard let answer = policy.answer(event, view) else {
            if mode == .training, training?.endsAfterStep == true {
                preconditionFailure("the policy has no answer to the end of a step it asked for")
            }
            return
        }
        close(answer.rollback)
        follow(answer)
    }
}
