import OobleckCore

/// The running totals of a run.
struct RunAccount: Sendable {
    var failures = 0
    var reconfigurations = 0
    var recoveries: [RecoveryRecord] = []
    var restores: [RestoreRecord] = []
    var samplesCommitted = 0
    var samplesRepeated = 0
    /// End of the samples committed so far.
    private var endSample = 0

    /// Loss of the newest step that was not skipped; `nil` while none is known.
    var lastLoss: Double?
    /// Time of the last step, from its start to its commit.
    var stepTime: Seconds?
    /// Time that each worker spent computing in it.
    private var busy: [Seconds] = []

    init() {}

    /// The totals of a run that goes on.
    init(restoring state: DurableState, globalBatch: Int) {
        failures = state.failures
        reconfigurations = max(0, state.plansInForce - 1)
        recoveries = state.recoveries
        restores = state.restores
        samplesCommitted = state.committedSteps * globalBatch
        endSample = samplesCommitted
        lastLoss = state.committed.flatMap { $0.loss.isFinite ? $0.loss : nil }
    }

    mutating func add(_ step: CommittedStep, busy: [Seconds]) {
        samplesCommitted += step.endSample - step.firstSample
        samplesRepeated += max(0, endSample - step.firstSample)
        endSample = max(endSample, step.endSample)
        if step.loss.isFinite { lastLoss = step.loss }
        self.busy = busy.map { $0.measured ?? .zero }
    }

    /// Steps behind a checkpoint are done again: their samples count once.
    mutating func goBack(to restored: RestoreRecord, globalBatch: Int) {
        restores.append(restored)
        samplesCommitted = restored.step * globalBatch
        endSample = restored.step * globalBatch
    }

    /// Share of worker time in the last step that was not computation.
    var idleShare: Double? {
        guard let stepTime, stepTime > 0, !busy.isEmpty else { return nil }
        let computed = busy.reduce(0, +).value / (stepTime.value * Double(busy.count))
        return min(1, max(0, 1 - computed))
    }
}

extension Coordinator {
    /// The run as `oobleck status` shows it.
    package func status(now: Seconds) -> RunStatus {
        let shown = plan ?? pending?.plan
        let tokens = Double(job.training.globalBatch * (job.model.sequenceLength ?? 1))
        let stepTime = account.stepTime
        var status = RunStatus(
            phase: shownPhase,
            step: committedSteps,
            steps: job.training.steps,
            generation: lastGeneration ?? 0,
            loss: account.lastLoss,
            stepTime: stepTime,
            tokensPerSecond: stepTime.flatMap { $0 > 0 ? tokens / $0.value : nil },
            idleShare: account.idleShare,
            pipelines: shown?.document.plan.pipelines.count ?? 0,
            nodes: members.keys.sorted().compactMap { nodeStatus($0, plan: shown, now: now) },
            checkpointStep: checkpoints.savedStep
        )
        if case .stopped(let error) = outcome { status.reason = error.message }
        status.validationLoss = lastEvaluation?.finiteLoss
        status.validationStep = lastEvaluation?.step
        return status
    }

    /// The phase as people see it: an isolation and an evaluation have names of their own.
    private var shownPhase: RunStatus.Phase {
        guard outcome == nil else { return phase.kind }
        return isolation != nil ? .reconnecting : isEvaluating ? .evaluating : phase.kind
    }

    private func nodeStatus(
        _ node: NodeID,
        plan: CoordinatorPlan?,
        now: Seconds
    ) -> NodeStatus? {
        guard let member = members[node] else { return nil }
        var status = NodeStatus(
            id: node,
            name: member.name.isEmpty ? nil : member.name,
            state: member.state,
            agentPID: member.agentPID,
            workerPIDs: member.workers.compactMap(\.pid)
        )
        if status.state == .healthy, let quietest = member.quietest,
            now - quietest.heard > deadlines.suspicion
        {
            status.state = .suspect
        }
        if outcome != nil, member.isAlive {
            status.state = .done
            return status
        }
        status.slowness = troubles.slowness.byNode[node]
        guard let plan, member.isAlive else { return status }
        for (index, pipeline) in plan.document.plan.pipelines.enumerated() {
            guard let place = pipeline.nodes.firstIndex(of: node) else { continue }
            let stages = plan.reconfiguration.template(of: pipeline).stages
            status.pipeline = index
            status.stages = stages.indices.filter { stages[$0].node == place }
        }
        return status
    }

    /// What the run came to; `stateSHA256` covers the state of all layers in layer order.
    package func result(stateSHA256: String) -> RunResult {
        var result = RunResult(
            steps: committedSteps,
            finalLoss: account.lastLoss,
            stateSHA256: stateSHA256,
            failures: account.failures,
            reconfigurations: account.reconfigurations,
            samplesCommitted: account.samplesCommitted,
            samplesRepeated: account.samplesRepeated,
            recoveries: account.recoveries,
            restores: account.restores.isEmpty ? nil : account.restores
        )
        if lastEvaluation?.step == committedSteps {
            result.validationLoss = lastEvaluation?.finiteLoss
        }
        return result
    }
}
