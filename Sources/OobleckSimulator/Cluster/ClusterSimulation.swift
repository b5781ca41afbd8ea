import OobleckCore

/// Plays a history against a policy and counts what comes of it.
///
/// Deterministic: times are whole nanoseconds, events of one time keep their order, and nothing is
/// random. Steps are counted, not simulated, so a run costs as much as it has events.
public struct ClusterSimulation {
    private enum Payload {
        case world(ClusterEvent)
        case phaseEnd
        case stepEnd
    }

    private enum State {
        case halted
        /// Phases from this one on, the first begun at a time.
        case recovering([PolicyAnswer.Phase], since: SimulatedTime, then: Training?)
        /// With the time of a step in force, which a slow node can make longer.
        case training(Training, step: SimulatedTime, since: SimulatedTime)
    }

    private let model: ClusterModel
    private let history: ClusterHistory
    private var policy: any ResiliencePolicy
    private var view: ClusterView
    private var queue = EventQueue<Payload>()
    private var timer: EventQueue<Payload>.Handle?
    private var state = State.halted
    private var ledger: TimeLedger
    private var tally = RunTally()
    /// All nodes that are there; those that the policy was not told of yet are not in its view.
    private var present: NodeSet
    /// What the policy will be told at the end of the step.
    private var joined: [Int] = []
    private var leaving: [Int] = []
    private var slow: [Int] = []
    private var idle: Set<Int> = []
    /// Steps in segments after this are not in a checkpoint; in this one, those after the count.
    private var safe = (segment: 0, steps: 0)
    private var nodeNanoseconds: Int128 = 0
    private var lastCount = SimulatedTime.zero

    private init(_ model: ClusterModel, _ history: ClusterHistory, _ policy: any ResiliencePolicy) {
        self.model = model
        self.history = history
        self.policy = policy
        view = ClusterView(time: .zero, alive: NodeSet(capacity: history.nodeCount))
        present = NodeSet(capacity: history.nodeCount)
        ledger = TimeLedger(nodeCount: history.nodeCount)
    }

    /// What a policy makes of a history.
    public static func run(
        _ model: ClusterModel,
        _ history: ClusterHistory,
        _ policy: any ResiliencePolicy
    ) -> SimulationOutcome {
        var simulation = ClusterSimulation(model, history, policy)
        return simulation.run()
    }

    private mutating func run() -> SimulationOutcome {
        for event in history.events { queue.schedule(.world(event), at: event.time) }
        while let (time, payload) = queue.next(), time < history.duration {
            advance(to: time)
            switch payload {
            case .world(let event): happen(event)
            case .phaseEnd: endPhase()
            case .stepEnd: endStep()
            }
            tally.events += 1
        }
        advance(to: history.duration)
        close(policy.waitsForSteps ? .none : .nothingEver)
        return SimulationOutcome(
            model: model,
            duration: history.duration,
            ledger: ledger,
            nodeNanoseconds: nodeNanoseconds,
            tally: tally
        )
    }

    private mutating func advance(to time: SimulatedTime) {
        nodeNanoseconds += Int128((time - lastCount).nanoseconds) * Int128(present.count)
        lastCount = time
        view.time = time
    }

    private mutating func happen(_ event: ClusterEvent) {
        let isAtStart = event.time == .zero
        switch event.change {
        case .join:
            for node in event.nodes {
                present.insert(node)
                ledger.setIdle(node, at: view.time)
                idle.insert(node)
            }
            joined += event.nodes
            if isAtStart || isHalted { ask(.start) } else { askAtStepEnd() }
        case .loss(let kind): lose(event.nodes.filter { present.contains($0) }, kind)
        case .notice:
            leaving += event.nodes.filter { present.contains($0) }
            askAtStepEnd()
        case .slow(let factor):
            for node in event.nodes where present.contains(node) {
                view.slowFactors[node] = max(factor, view.slowFactors[node] ?? 1)
                slow.append(node)
            }
            askAtStepEnd()
        }
    }

    private var isHalted: Bool {
        if case .halted = state { true } else { false }
    }

    private mutating func lose(_ nodes: [Int], _ kind: ClusterEvent.Loss) {
        guard !nodes.isEmpty else { return }
        tally.losses += 1
        view.lostNodes += nodes.count
        let gone = Set(nodes)
        let known = nodes.filter { view.alive.contains($0) }
        let worked = nodes.contains { ledger.isWorking($0) }
        for node in nodes {
            present.remove(node)
            view.alive.remove(node)
            view.slowFactors[node] = nil
        }
        joined.removeAll(where: gone.contains)
        leaving.removeAll(where: gone.contains)
        slow.removeAll(where: gone.contains)
        view.isRecovering = isInRecovery
        let answer =
            isHalted || known.isEmpty ? nil : policy.answer(.lost(known, kind), view)
        if let answer {
            close(answer.rollback)
            if worked { tally.begin(at: view.time) }
        } else if worked, !isHalted {
            preconditionFailure("the policy has no answer to the loss of working nodes \(nodes)")
        }
        for node in nodes {
            ledger.setGone(node, at: view.time)
            idle.remove(node)
        }
        if let answer { follow(answer) }
    }

    private var isInRecovery: Bool {
        if case .recovering = state { true } else { false }
    }

    /// Arranges that the policy is asked when the running step ends.
    private mutating func askAtStepEnd() {
        switch state {
        case .halted: ask(.start)
        case .recovering: break
        case .training(let training, let step, let since):
            guard timer == nil else { return }
            let end = RunProgress.nextStepEnd(
                elapsed: view.time - since,
                step: step,
                checkpoints: training.checkpoints
            )
            timer = queue.schedule(.stepEnd, at: policy.waitsForSteps ? since + end : view.time)
        }
    }

    private mutating func endStep() {
        timer = nil
        let event = PolicyEvent.changed(
            joined: joined.sorted(),
            leaving: leaving.sorted(),
            slow: slow.sorted()
        )
        let isSlower = !slow.isEmpty
        for node in joined { view.alive.insert(node) }
        (joined, leaving, slow) = ([], [], [])
        ask(event)
        // Nobody cares, but all wait for the slow node.
        if isSlower, case .training(let training, _, _) = state {
            close(.none)
            train(training)
        }
    }

    private mutating func ask(_ event: PolicyEvent) {
        if case .start = event {
            for node in joined { view.alive.insert(node) }
            joined = []
        }
        view.isRecovering = isInRecovery
        guard let answer = policy.answer(event, view) else {
            if case .training(let training, _, _) = state, training.endsAfterStep {
                preconditionFailure("the policy has no answer to the end of a step it asked for")
            }
            return
        }
        close(answer.rollback)
        follow(answer)
    }

    private mutating func follow(_ answer: PolicyAnswer) {
        if let timer { queue.cancel(timer) }
        timer = nil
        guard var training = answer.training else {
            tally.recoveryStart = nil
            for node in view.alive.all where ledger.isWorking(node) {
                ledger.setIdle(node, at: view.time)
                idle.insert(node)
            }
            state = .halted
            return
        }
        if let employed = training.employed {
            training.idle = Set(view.alive.all.filter { !employed.contains($0) })
        }
        training.idle.formUnion(joined)
        for node in idle.subtracting(training.idle) where view.alive.contains(node) {
            ledger.setWorking(node, at: view.time)
        }
        for node in training.idle.subtracting(idle) { ledger.setIdle(node, at: view.time) }
        idle = training.idle
        let phases = answer.phases.filter { $0.time > .zero }
        guard let first = phases.first else { return train(training) }
        state = .recovering(phases, since: view.time, then: training)
        timer = queue.schedule(.phaseEnd, at: view.time + first.time)
    }

    private mutating func endPhase() {
        timer = nil
        guard case .recovering(let phases, _, let training) = state else { return }
        close(.none)
        if phases.first?.activity == .checkpointing { safe = (ledger.segments.count, 0) }
        let rest = Array(phases.dropFirst())
        if let next = rest.first {
            state = .recovering(rest, since: view.time, then: training)
            timer = queue.schedule(.phaseEnd, at: view.time + next.time)
        } else if let training {
            train(training)
        }
    }

    private mutating func train(_ training: Training) {
        tally.end(at: view.time)
        if let timer { queue.cancel(timer) }
        timer = nil
        let step = effectiveStep(training)
        state = .training(training, step: step, since: view.time)
        let isAsked = !joined.isEmpty || !leaving.isEmpty || !slow.isEmpty
        if isAsked {
            timer = queue.schedule(.stepEnd, at: view.time)
        } else if training.endsAfterStep {
            timer = queue.schedule(.stepEnd, at: view.time + step)
        }
    }

    /// All wait for the slowest node that works.
    private func effectiveStep(_ training: Training) -> SimulatedTime {
        let slowest = view.slowFactors.filter { ledger.isWorking($0.key) }.values.max() ?? 1
        return slowest == 1
            ? training.step
            : SimulatedTime(
                nanoseconds: Int((Double(training.step.nanoseconds) * slowest).rounded())
            )
    }

    /// Writes down what was done since the last change.
    private mutating func close(_ rollback: PolicyAnswer.Rollback) {
        switch state {
        case .halted: break
        case .recovering(let phases, let since, let then):
            var time = NodeTime()
            if let phase = phases.first { time[phase.activity] = (view.time - since).nanoseconds }
            ledger.append(segment(time))
            state = .recovering(phases, since: view.time, then: then)
        case .training(let training, let step, let since):
            closeTraining(training, step, since, rollback)
            state = .training(training, step: step, since: view.time)
        }
        if rollback == .checkpoint { loseUnsafeSteps() }
    }

    private mutating func closeTraining(
        _ training: Training,
        _ step: SimulatedTime,
        _ since: SimulatedTime,
        _ rollback: PolicyAnswer.Rollback
    ) {
        let progress = RunProgress(
            elapsed: view.time - since,
            step: step,
            checkpoints: training.checkpoints
        )
        let redundant =
            progress.steps * TimeLedger.Segment.redundant(step, training.redundantMillionths)
        var time = NodeTime()
        time[.useful] = progress.steps * step.nanoseconds - redundant
        time[.redundant] = redundant
        time[.checkpointing] = progress.holdUp
        let isKept = rollback == .none || rollback == .nothingEver
        time[isKept ? .useful : .lost] += progress.partial
        if progress.safeSteps > 0 { safe = (ledger.segments.count, progress.safeSteps) }
        ledger.append(
            segment(
                time,
                steps: progress.steps,
                step: step,
                samples: training.samples,
                redundantMillionths: training.redundantMillionths
            )
        )
        tally.samples += progress.steps * training.samples
        tally.steps += progress.steps
        if rollback == .nothingEver {
            tally.partialSamples +=
                Double(training.samples) * Double(progress.partial) / Double(step.nanoseconds)
        } else if !isKept, progress.partial > 0 {
            tally.lostSteps += 1
        }
    }

    private func segment(
        _ time: NodeTime,
        steps: Int = 0,
        step: SimulatedTime = .zero,
        samples: Int = 0,
        redundantMillionths: Int = 0
    ) -> TimeLedger.Segment {
        TimeLedger.Segment(
            time: time,
            workers: ledger.workers,
            steps: steps,
            stepTime: step,
            samples: samples,
            redundantMillionths: redundantMillionths
        )
    }

    private mutating func loseUnsafeSteps() {
        for index in stride(from: ledger.segments.count - 1, through: safe.segment, by: -1) {
            let kept = index == safe.segment ? safe.steps : 0
            let lost = ledger.loseSteps(inSegment: index, after: kept)
            tally.steps -= lost
            tally.lostSteps += lost
            tally.samples -= lost * ledger.segments[index].samples
        }
        safe = (ledger.segments.count, 0)
    }
}
