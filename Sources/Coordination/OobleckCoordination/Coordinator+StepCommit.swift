import OobleckCore

extension Coordinator {
    mutating func receive(_ vote: StepVote, from worker: WorkerID, now: Seconds) {
        guard let plan, isInForce(vote.generation, plan), vote.step == committedSteps,
            plan.layersByWorker[worker] != nil, isVoteOpen(of: worker)
        else { return dropStale() }
        // Who votes has started, whether or not it said so.
        receiveResumed(vote.generation, from: worker, now: now)
        phase.whileTraining { $0.tally.votes[worker] = vote }
        commitIfComplete(now: now)
    }

    /// Commits the step in flight once all have voted for it.
    mutating func commitIfComplete(now: Seconds) {
        // A fault of this generation comes first: if nobody proves dead the step is redone.
        guard case .training(let training) = phase, let plan, isolation == nil,
            training.grace == nil, training.evaluation == nil,
            isComplete(training.tally, plan)
        else { return }
        commit(training.tally, under: plan, now: now)
    }

    /// Whether a step is in flight for which the worker has not voted.
    private func isVoteOpen(of worker: WorkerID) -> Bool {
        guard case .training(let training) = phase else { return false }
        return training.tally.votes[worker] == nil
    }

    private func isInForce(_ generation: Generation, _ plan: CoordinatorPlan) -> Bool {
        plan.generation == generation || knownBugs.contains(.staleGenerationAccepted)
    }

    private func isComplete(_ tally: StepTally, _ plan: CoordinatorPlan) -> Bool {
        let missing = plan.workers.count - tally.votes.count
        return missing == 0 || missing == 1 && knownBugs.contains(.commitBeforeAllVoted)
    }

    /// Checks the votes of all, and commits the step.
    private mutating func commit(_ tally: StepTally, under plan: CoordinatorPlan, now: Seconds) {
        guard checkCopies(tally, now: now), checkSpots(tally, now: now) else { return }
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
            observeSpeeds(tally, under: plan)
            commit(outcome, of: tally, under: plan, now: now)
        }
    }

    private mutating func commit(
        _ outcome: StepOutcome,
        of tally: StepTally,
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
        if demand.joins.isDue(now: now, deadlines, isHasty: knownBugs.contains(.joinsAtOnce)) {
            demand.isWanted = true
        }
        let isStopping = stopping != nil && !isLast
        let keepsPlan = isLast || isStopping || !demand.isWanted
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
        measured.steps.add(now - tally.started)
        let isSkipped = committed.skipped != nil
        log(.committed(step: committed.step, loss: outcome.loss, isSkipped: isSkipped))
        note(.measured(measurement(of: committed, tally, under: plan, took: now - tally.started)))
        beginStep(now: now)
        if isStopping { return reachBoundary(now: now) }
        if isLast, !evaluates { return beginCollection(now: now) }
        if !isLast { saveIfDue(under: plan, now: now) }
        if let next {
            prepare(next, now: now)
        } else if evaluates {
            beginEvaluation(on: plan.workers, of: plan)
        }
    }

    /// The plan in force takes the next step.
    mutating func beginStep(now: Seconds) {
        let tally = StepTally(step: committedSteps, started: now)
        phase.whileTraining { $0.tally = tally }
    }

    /// What the votes of the step say about its time.
    private func measurement(
        of committed: CommittedStep,
        _ tally: StepTally,
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
        demand.isWanted = false
        demand.joins = JoinStorm()
        switch decidePlan(committed: committedSteps + 1, now: now) {
        case .success(let document): return plan.isSame(as: document) ? nil : document
        case .failure(let error):
            log(.warning(.planKept(reason: error.message)))
            return nil
        }
    }
}
