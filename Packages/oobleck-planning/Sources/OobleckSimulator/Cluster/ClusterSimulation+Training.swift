/// How answers are followed, and what was done is written down.
extension ClusterSimulation {
    mutating func follow(_ answer: PolicyAnswer) {
        timer = nil
        guard var next = answer.training else { return halt() }
        for node in changes.joined { next.idle.insert(node) }
        let time = view.time
        idle.forEach(notIn: next.idle) { node in
            if view.alive.contains(node) { record.ledger.setWorking(node, at: time) }
        }
        next.idle.forEach(notIn: idle) { record.ledger.setIdle($0, at: time) }
        idle = next.idle
        training = next
        phases = answer.phases.filter { $0.time > .zero }[...]
        guard let first = phases.first else { return train() }
        mode = .recovering
        since = view.time
        timer = view.time + first.time
    }

    /// Stands until there are nodes enough; a recovery that had begun lasts until then.
    private mutating func halt() {
        for node in view.alive.all where record.ledger.isWorking(node) {
            record.ledger.setIdle(node, at: view.time)
            idle.insert(node)
        }
        training = nil
        mode = .halted
    }

    mutating func endPhase() {
        let ended = phases.first
        close(.none)
        if ended?.activity == .checkpointing { record.markSafe() }
        phases = phases.dropFirst()
        if let next = phases.first { timer = view.time + next.time } else { train() }
    }

    mutating func train() {
        record.tally.end(at: view.time)
        mode = .training
        since = view.time
        resume()
    }

    /// Steps go on from ``since``, as long as the slowest node takes.
    mutating func resume() {
        guard let training else { return }
        step = effectiveStep(training)
        slowKnown =
            since
            + RunProgress.nextStepEnd(
                elapsed: model.slowDetectionSteps * step,
                step: step,
                checkpoints: training.checkpoints,
                sinceCheckpoint: record.sinceCheckpoint
            )
        timer = nextQuestion
    }

    /// With the nodes that are slow and work.
    private func effectiveStep(_ training: PolicyAnswer.Training) -> SimulatedTime {
        guard !view.slowFactors.isEmpty else { return training.step }
        let working = view.slowFactors.filter { record.ledger.isWorking($0.key) }
        guard let slowest = working.values.max() else { return training.step }
        return policy.step(of: training, slow: working)
            ?? SimulatedTime(
                nanoseconds: Int((Double(training.step.nanoseconds) * slowest).rounded())
            )
    }

    /// Writes down what was done since the last change.
    mutating func close(_ rollback: PolicyAnswer.Rollback) {
        let elapsed = view.time - since
        switch mode {
        case .halted: break
        case .recovering: if let phase = phases.first { record.append(phase.activity, elapsed) }
        case .training:
            if let training {
                record.append(training, step: step, for: elapsed, until: view.time, rollback)
            }
        }
        since = view.time
        switch rollback {
        case .checkpoint: record.loseUnsafeSteps(at: view.time)
        case .runningStep: record.dropWriting()
        case .none, .nothingEver: break
        }
    }
}
