import OobleckCore

extension Coordinator {
    mutating func receive(_ vote: StepVote, from worker: WorkerID, now: Seconds) {
        guard phase == .training, let plan, isInForce(vote.generation, plan),
            vote.step == committedSteps, plan.layersByWorker[worker] != nil,
            tally.votes[worker] == nil
        else { return dropStale() }
        // Who votes has started, whether or not it said so.
        receiveResumed(vote.generation, from: worker, now: now)
        tally.votes[worker] = vote
        commitIfComplete(now: now)
    }

    /// Commits the step in flight once all have voted for it.
    mutating func commitIfComplete(now: Seconds) {
        // A fault of this generation comes first: if nobody proves dead the step is redone.
        guard phase == .training, let plan, grace == nil, isolation == nil, evaluation == nil,
            isComplete(plan)
        else { return }
        commit(under: plan, now: now)
    }

    private func isInForce(_ generation: Generation, _ plan: CoordinatorPlan) -> Bool {
        plan.generation == generation || knownBugs.contains(.staleGenerationAccepted)
    }

    private func isComplete(_ plan: CoordinatorPlan) -> Bool {
        let missing = plan.workers.count - tally.votes.count
        return missing == 0 || missing == 1 && knownBugs.contains(.commitBeforeAllVoted)
    }

    /// Checks the votes of all, and commits the step.
    private mutating func commit(under plan: CoordinatorPlan, now: Seconds) {
        guard checkCopies(now: now), checkSpots(now: now) else { return }
        let outcome = tally.outcome(
            workers: knownBugs.isEmpty
                ? plan.workers : plan.workers.filter { tally.votes[$0] != nil },
            plan: plan,
            profile: profile,
            job: job
        )
        switch outcome {
        case .failure(let error) where error.isDisagreement:
            guard !knownBugs.contains(.sumsNotTriedAgain) else { return stop(error.cause) }
            retry(because: error.cause.message, now: now)
        case .failure(let error): stop(error.cause)
        case .success(let outcome):
            if let error = noteSkip(outcome) { return stop(error) }
            observeSpeeds(under: plan)
            commit(outcome, under: plan, now: now)
        }
    }

    private mutating func commit(
        _ outcome: StepOutcome,
        under plan: CoordinatorPlan,
        now: Seconds
    ) {
        let norm = outcome.gradientNorm
        let batch = job.training.globalBatch
        let committed = CommittedStep(
            step: committedSteps,
            generation: plan.generation,
            firstSample: committedSteps * batch,
            endSample: (committedSteps + 1) * batch,
            loss: outcome.loss,
            gradientNorm: norm,
            skipped: outcome.skipped,
            targets: outcome.targets
        )
        let isLast = committedSteps + 1 >= job.training.steps
        if joins.isDue(now: now, deadlines, isHasty: knownBugs.contains(.joinsAtOnce)) {
            wantsNewPlan = true
        }
        let isStopping = stopping != nil && !isLast
        let keepsPlan = isLast || isStopping || !wantsNewPlan
        let next = keepsPlan ? nil : planAtBoundary(after: plan, now: now)
        let records: [CoordinatorDirective] = [.persist(.committed(committed)), .record(committed)]
        let isRecordedLate = knownBugs.contains(.commitSentBeforeRecorded)
        if !isRecordedLate { for record in records { perform(record) } }
        let evaluates = !isStopping && isEvaluationDue(after: committedSteps + 1)
        let pauses = isLast || isStopping || next != nil || evaluates
        var decision = job.commit(of: committed, pauses: pauses)
        if knownBugs.contains(.skipsApplied) { decision.skips = false }
        for worker in plan.workers { send(.commit(decision), to: worker) }
        if isRecordedLate { for record in records { perform(record) } }
        committedSteps += 1
        lastCommit = committed
        account.add(committed, busy: plan.workers.map { tally.votes[$0]?.busy ?? 0 })
        account.stepTime = now - tally.started
        stepTimes.add(now - tally.started)
        let isSkipped = committed.skipped != nil
        log(.committed(step: committed.step, loss: outcome.loss, isSkipped: isSkipped))
        note(.measured(measurement(of: committed, under: plan, took: now - tally.started)))
        tally = StepTally(step: committedSteps, started: now)
        if isStopping { return reachBoundary(now: now) }
        if isLast, !evaluates { return beginCollection(now: now) }
        if !isLast { saveIfDue(under: plan, now: now) }
        if let next {
            prepare(next, now: now)
        } else if evaluates {
            beginEvaluation(on: plan.workers, of: plan)
        }
    }

    /// What the votes of the step say about its time.
    private func measurement(
        of committed: CommittedStep,
        under plan: CoordinatorPlan,
        took stepTime: Seconds
    ) -> StepMeasurement {
        var measurement = StepMeasurement(
            committed,
            stepTime: stepTime,
            nodes: plan.nodes.count,
            pipelines: plan.document.plan.pipelines.count
        )
        measurement.idleShare = account.idleShare
        measurement.add(plan.workers.compactMap { tally.votes[$0] })
        return measurement
    }

    /// The plan for a membership that has changed while nobody was lost, or nothing if the work of
    /// every node stays as it is.
    private mutating func planAtBoundary(
        after plan: CoordinatorPlan,
        now: Seconds
    ) -> PlanDocument? {
        wantsNewPlan = false
        joins = JoinStorm()
        switch decidePlan(committed: committedSteps + 1, now: now) {
        case .success(let document): return plan.isSame(as: document) ? nil : document
        case .failure(let error):
            log(.warning(.planKept(reason: error.message)))
            return nil
        }
    }
}
