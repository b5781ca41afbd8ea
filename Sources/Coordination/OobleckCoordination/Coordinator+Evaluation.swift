import OobleckCore

/// Losses of the validation data that have come in for the state in force.
struct EvaluationTally: Sendable {
    /// Committed steps in the state.
    let step: Int
    let generation: Generation
    /// Microbatches of the whole evaluation, once a report has said it.
    private var microbatches: Int?
    private var losses: [Int: Double] = [:]
    private var targetCounts: [Int: Int] = [:]
    /// Who has run each microbatch.
    private var workers: [Int: WorkerID] = [:]
    private let batchSize: Int
    /// Microbatches that are in, by global batch.
    private var counts: [Int: Int] = [:]
    /// Global batches from the first on of which everything is in.
    private(set) var wholeBatches = 0

    /// For global batches of `batchSize` microbatches.
    init(step: Int, generation: Generation, batchSize: Int) {
        self.step = step
        self.generation = generation
        self.batchSize = batchSize
    }

    /// Whether a report, or a part of it, has come in before.
    func has(_ report: EvaluationReport, from worker: WorkerID) -> Bool {
        report.losses.keys.contains { workers[$0] == worker }
    }

    /// Takes a report; fails with one line when it contradicts another.
    mutating func add(_ report: EvaluationReport, from worker: WorkerID) -> OobleckError? {
        func fault(_ what: String) -> OobleckError {
            OobleckError(.internalFault, "evaluation of step \(step): node \(worker) \(what)")
        }
        let count = microbatches ?? report.microbatches
        guard (1...ValidationSpecification.mostMicrobatches).contains(report.microbatches),
            count == report.microbatches
        else { return fault("counts \(report.microbatches) microbatches, others \(count)") }
        microbatches = count
        for (index, loss) in report.losses {
            guard (0..<count).contains(index) else {
                return fault("reports microbatch \(index) of \(count)")
            }
            if let other = workers.updateValue(worker, forKey: index) {
                return fault("reports microbatch \(index), which node \(other) has run")
            }
            losses[index] = loss
            counts[index / batchSize, default: 0] += 1
        }
        while counts[wholeBatches] == batchSize { wholeBatches += 1 }
        let counted = Set(report.targetCounts.keys)
        guard counted.isSubset(of: Set(report.losses.keys)),
            report.targetCounts.values.allSatisfy({ (0...StepTally.mostTargets).contains($0) })
        else { return fault("counts targets of microbatches that make no sense") }
        targetCounts.merge(report.targetCounts) { $1 }
        guard targetCounts.isEmpty || targetCounts.count == losses.count else {
            return fault("counts the targets of some microbatches only")
        }
        return nil
    }

    /// What the state comes to, once all microbatches are in.
    func result(microbatch: Int) -> RecordedEvaluation? {
        guard let microbatches, losses.count == microbatches else { return nil }
        let sum = (0..<microbatches).reduce(0) { $0 + (losses[$1] ?? .nan) }
        let targets =
            targetCounts.isEmpty
            ? nil : (0..<microbatches).reduce(0) { $0 + (targetCounts[$1] ?? 0) }
        let loss = sum / Double(targets ?? microbatches)
        return RecordedEvaluation(
            step: step,
            generation: generation,
            samples: microbatches * microbatch,
            loss: loss.isFinite ? loss : .nan,
            targets: targets
        )
    }
}

/// Measures the loss of the validation data at a step boundary.
///
/// All workers hold the same state then, and wait for another message: none of them trains before
/// the result is kept. What fails meanwhile is survived as in a step, and the evaluation done again.
extension Coordinator {
    /// Whether the state after `steps` committed steps is to be evaluated, and has not been.
    func isEvaluationDue(after steps: Int) -> Bool {
        let isKnown =
            lastEvaluation?.step == steps && !knownBugs.contains(.evaluationsRepeated)
        return job.isEvaluated(after: steps) && !isKnown
    }

    /// Has the plan in force evaluate the state that its nodes hold; or are about to, when `workers` have
    /// just prepared it.
    mutating func beginEvaluation(on workers: [WorkerID], of plan: CoordinatorPlan) {
        let evaluation = EvaluationTally(
            step: committedSteps,
            generation: plan.generation,
            batchSize: job.training.microbatchCount
        )
        phase.whileTraining { $0.evaluation = evaluation }
        for worker in workers {
            send(.evaluate(generation: plan.generation, step: committedSteps), to: worker)
        }
    }

    mutating func receive(_ report: EvaluationReport, from worker: WorkerID, now: Seconds) {
        guard let plan, plan.generation == report.generation,
            report.step == committedSteps, plan.layersByWorker[worker] != nil,
            training?.evaluation?.has(report, from: worker) == false
        else { return dropStale() }
        receiveResumed(report.generation, from: worker, now: now)
        let contradiction = phase.whileTraining { training -> OobleckError? in
            let before = training.evaluation?.wholeBatches
            if let error = training.evaluation?.add(report, from: worker) { return error }
            // Each global batch is waited for as a step is.
            if training.evaluation?.wholeBatches != before { training.tally.started = now }
            return nil
        }
        if let error = contradiction ?? nil { return stop(error) }
        if stopping != nil { stopping?.since = now }
        finishEvaluationIfComplete(now: now)
    }

    /// Keeps the result once it is complete, and has training go on.
    mutating func finishEvaluationIfComplete(now: Seconds) {
        // As with a step: a fault of this generation comes first.
        guard let plan, isolation == nil, grace == nil,
            let result = training?.evaluation?.result(microbatch: job.training.microbatch)
        else { return }
        phase.whileTraining { $0.evaluation = nil }
        lastEvaluation = result
        perform(.persist(.evaluated(result)))
        perform(.recordEvaluation(result))
        log(.evaluated(result))
        if committedSteps >= job.training.steps { return beginCollection(now: now) }
        if stopping != nil, committedSteps > 0 { return reachBoundary(now: now) }
        for worker in plan.workers {
            send(.resume(generation: plan.generation, step: committedSteps), to: worker)
        }
        beginStep(now: now)
    }
}
