import OobleckClock
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// Training under a plan, step by step.
extension Trainer {
    func reportFault(_ error: TensorError, generation: Generation) {
        guard error.code == .failed else { return }
        link.send(.faulted(generation: generation, message: error.message))
    }

    /// Trains under a prepared generation.
    ///
    /// Returns whether the coordinator said stop.
    func train(_ generation: Generation, from first: Int) throws -> Bool {
        let loaded = try requireLoaded()
        guard let prepared = try adopt(generation), let assignment = prepared.assignment else {
            return false
        }
        link.send(.resumed(generation: generation, step: first))
        var step = first
        updateTime = .zero
        while true {
            let sums: GradientSums
            do {
                sums = try compute(step, prepared, assignment, loaded)
            } catch let error as TensorError where error.code != .outOfMemory {
                reportFault(error, generation: generation)
                return false
            }
            let voted = MonotonicTime.now
            var answer = next()
            // Until the commit is applied, the state is still that of the boundary before the step.
            while let other = answer, try precedesOutcome(other) { answer = next() }
            decisionTimes.add(voted: voted, decided: MonotonicTime.now)
            trace.add(.vote, since: voted)
            switch answer {
            case .commit(let commit) where commit.step == step:
                let start = MonotonicTime.now
                heldSteps = commit.step + 1
                if !commit.skips { try apply(commit, sums, loaded) }
                updateTime = MonotonicTime.now - start
                trace.add(.update, since: start)
                // Returns the freed memory of the previous generation, at a point where it delays no
                // recovery.
                if step == first { TensorRuntime.releaseFreeMemory() }
                if commit.pauses { return false }
                step += 1
            case .abort:
                drop()
                return false
            case .stop, nil:
                drop()
                return true
            case .some(let other):
                throw OobleckError(
                    .internalFault,
                    "expected the outcome of step \(step), got \(other)"
                )
            }
        }
    }

    /// Answers what may come before the outcome of a step, and drops what is of an older generation;
    /// `false` when `message` is the outcome.
    private func precedesOutcome(_ message: CoordinatorMessage) throws -> Bool {
        switch message {
        case .checkpoint(let order):
            let start = MonotonicTime.now
            try save(order)
            trace.add(.checkpoint, since: start)
            return true
        case .abort(let generation, _): return !isOver(generation)
        case .commit(let commit): return commit.generation != prepared?.reconfiguration.generation
        default: return false
        }
    }

    /// Computes this worker's share of a step and votes for it.
    private func compute(
        _ step: Int,
        _ prepared: PreparedGeneration,
        _ assignment: StageAssignment,
        _ loaded: Loaded
    ) throws -> GradientSums {
        try flip(.beforeStep, step, loaded)
        if loaded.faults.takesTooMuch(step: step) { _ = try Tensor.empty([1 << 50]) }
        let sums = try GradientSums(
            layers: held,
            groupPlan: prepared.groupPlan,
            resources: prepared.resources,
            microbatchCount: loaded.job.training.microbatchCount,
            tied: ParameterLayout.tiedParameters(of: loaded.job.model),
            pool: sumsPool
        )
        let runner = try StepRunner(
            job: loaded.job,
            model: loaded.model,
            assignment: assignment,
            layers: assignment.layers.compactMap { held[$0] },
            source: loaded.source,
            resources: prepared.resources,
            groupPlan: prepared.groupPlan,
            faults: loaded.faults,
            sums: sums,
            states: states,
            clock: clock,
            trace: trace,
            step: step
        )
        trace.begin(prepared.resources.generation, step: step, assignment)
        let start = MonotonicTime.now
        var vote: StepVote
        do {
            vote = try runner.run()
        } catch {
            let elapsed = MonotonicTime.now - start
            abandoned = AbandonedTry(step: step, elapsed: elapsed, waited: runner.waited)
            throw error
        }
        abandoned = nil
        vote.times.update = updateTime
        vote.times.memory = WorkerMemory.most()
        loaded.faults.reach(.beforeVote, step: step)
        link.send(.vote(vote))
        loaded.faults.reach(.afterVote, step: step)
        try flip(.afterVote, step, loaded)
        return sums
    }

    /// Damages the layers for which that is staged, and returns them.
    @discardableResult
    private func flip(
        _ moment: BitFlipFault.Moment,
        _ step: Int,
        _ loaded: Loaded
    ) throws -> [Int] {
        let layers = loaded.faults.takeFlips(moment, step: step)
        for layer in layers { try held[layer]?.flipBit() }
        return layers
    }

    /// Applies a committed step.
    ///
    /// No failure of another worker can undo it.
    private func apply(_ commit: StepCommit, _ sums: GradientSums, _ loaded: Loaded) throws {
        let training = loaded.job.training
        let update = UpdateRule(
            training,
            step: commit.step + 1,
            learningRate: LearningRateSchedule(training).rate(step: commit.step)
        )
        let digests = try sums.apply(
            update,
            clip: commit.gradientFactor,
            microbatchCount: training.microbatchCount,
            afterSegment: { loaded.faults.reach(.midOptimizer, step: commit.step) }
        )
        states.noteUpdate(held, digests)
        for layer in try flip(.inUpdate, commit.step, loaded) {
            if let state = held[layer] { try states.trust(layer, state) }
        }
    }
}
