import OobleckCore

extension Coordinator {
    mutating func receive(_ vote: StepVote, from node: NodeID, now: Seconds) {
        guard phase == .training, let plan, plan.generation == vote.generation,
            vote.step == committedSteps, plan.layersByNode[node] != nil, tally.votes[node] == nil
        else { return dropStale() }
        // Who votes has started, whether or not it said so.
        receiveResumed(vote.generation, from: node, now: now)
        tally.votes[node] = vote
        // A fault of this generation comes first: if nobody proves dead the step is redone.
        guard grace == nil, tally.votes.count == plan.nodes.count else { return }
        commit(under: plan, now: now)
    }

    /// Checks the votes of all, and commits the step.
    private mutating func commit(under plan: CoordinatorPlan, now: Seconds) {
        let outcome = tally.outcome(
            plan: plan,
            layerCount: profile.layers.count,
            microbatchCount: job.training.microbatchCount
        )
        switch outcome {
        case .failure(let error): stop(error)
        case .success(let (loss, norm)): commit(loss: loss, norm: norm, under: plan, now: now)
        }
    }

    private mutating func commit(
        loss: Double,
        norm: Double,
        under plan: CoordinatorPlan,
        now: Seconds
    ) {
        let batch = job.training.globalBatch
        let committed = CommittedStep(
            step: committedSteps,
            generation: plan.generation,
            firstSample: committedSteps * batch,
            endSample: (committedSteps + 1) * batch,
            loss: loss,
            gradientNorm: norm
        )
        let isLast = committedSteps + 1 >= job.training.steps
        let next = isLast || !wantsNewPlan ? nil : planAtBoundary(after: plan, now: now)
        perform(.persist(.committed(committed)))
        perform(.record(committed))
        let decision = job.training.commit(of: committed, pauses: isLast || next != nil)
        for node in plan.nodes { send(.commit(decision), to: node) }
        committedSteps += 1
        account.add(committed, busy: plan.nodes.map { tally.votes[$0]?.busy ?? 0 })
        account.stepTime = now - tally.started
        log(.committed, "step \(committed.step) committed: loss \(loss)")
        tally = StepTally(step: committedSteps, started: now)
        if !isLast { saveIfDue(under: plan, now: now) }
        if isLast {
            beginCollection(now: now)
        } else if let next {
            prepare(next, now: now)
        }
    }

    /// The plan for a membership that has changed while nobody was lost, or nothing if the work of
    /// every node stays as it is.
    private mutating func planAtBoundary(
        after plan: CoordinatorPlan,
        now: Seconds
    ) -> PlanDocument? {
        wantsNewPlan = false
        switch decidePlan(committed: committedSteps + 1, now: now) {
        case .success(let document): return plan.isSame(as: document) ? nil : document
        case .failure(let error):
            log(.warning, "the plan stays as it is: \(error.message)")
            return nil
        }
    }
}
