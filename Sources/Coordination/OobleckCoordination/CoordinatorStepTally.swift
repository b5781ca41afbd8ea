import OobleckCore

/// Why the votes of a step make none.
struct StepFailure: Error {
    var cause: OobleckError
    /// Whether holders of a layer came to different sums, which another try may mend.
    var isDisagreement = false
}

/// The votes of the step in flight.
struct StepTally: Sendable {
    let step: Int
    var started: Seconds
    var votes: [WorkerID: StepVote] = [:]

    init(step: Int, started: Seconds) {
        self.step = step
        self.started = started
    }

    /// What each node says of the state that it holds: each layer is held by one of its workers.
    var statesByNode: [NodeID: StateObservation] {
        votes.reduce(into: [:]) { states, vote in
            let state = vote.value.state
            states[vote.key.node, default: StateObservation()].digests
                .merge(state.digests) { $1 }
            states[vote.key.node]?.altered.formUnion(state.altered)
        }
    }

    /// What the layer that is checked came to, by node.
    var spotChecksByNode: [NodeID: SpotCheck] {
        votes.reduce(into: [:]) { checks, vote in
            if let check = vote.value.spotCheck { checks[vote.key.node] = check }
        }
    }

    /// What the votes make of the step, once the `workers` of `plan` have voted.
    ///
    /// Fails with ``OobleckError/Code/internalFault`` when two holders of a layer disagree on its
    /// gradient, or a layer or a microbatch is missing or counted twice.
    func outcome(
        workers: [WorkerID],
        plan: CoordinatorPlan,
        profile: ModelProfile,
        job: JobSpecification
    ) -> Result<StepOutcome, StepFailure> {
        do {
            let norms = try agreedNorms(workers, plan: plan, layerCount: profile.layers.count)
            let microbatchCount = job.training.microbatchCount
            let losses = try agreedLosses(workers, microbatchCount: microbatchCount)
            let targets = try agreedTargets(
                workers,
                microbatchCount: microbatchCount,
                areCounted: job.model.imported != nil
            )
            let loss = losses.reduce(0, +) / Double(targets ?? microbatchCount)
            let correction = job.gradientCorrection(targets: targets)
            let norm = norms.reduce(0, +).squareRoot() * correction
            // The mean over no target is no number, and no sign of divergence.
            let rule = NonFiniteRule(profile: profile, model: job.model)
            let findings = votes.keys.sorted().compactMap { votes[$0]?.nonFinite }
            let reason = rule.reason(
                findings,
                loss: targets == 0 ? 0 : loss,
                gradientNorm: targets == 0 ? 0 : norm
            )
            return .success(
                StepOutcome(
                    loss: loss,
                    gradientNorm: norm,
                    skipped: reason ?? (targets == 0 ? CommittedStep.withoutTargets : nil),
                    targets: targets,
                    skippedLayer: rule.layer(findings)
                )
            )
        } catch let failure as StepFailure {
            return .failure(failure)
        } catch {
            return .failure(StepFailure(cause: OobleckError(.internalFault, "\(error)")))
        }
    }

    /// The squared norm of every layer, the same bits from all of its holders, in layer order.
    private func agreedNorms(
        _ workers: [WorkerID],
        plan: CoordinatorPlan,
        layerCount: Int
    ) throws -> [Double] {
        var norms: [(value: Double, worker: WorkerID)?] = Array(repeating: nil, count: layerCount)
        for worker in workers {
            let reported = votes[worker]?.squaredNorms ?? [:]
            let held = plan.layersByWorker[worker] ?? []
            guard reported.keys.sorted() == held else {
                let what =
                    "node \(worker) reported the gradients of layers \(reported.keys.sorted())"
                throw fault("\(what), it holds \(held)")
            }
            for layer in held {
                guard let value = reported[layer] else { continue }
                if let first = norms[layer], first.value.bitPattern != value.bitPattern {
                    let what =
                        "nodes \(first.worker) and \(worker) disagree on the gradient of layer"
                    throw fault(
                        "\(what) \(layer): squared norms "
                            + "\(numberForPeople(first.value)) and \(numberForPeople(value))",
                        isDisagreement: true
                    )
                }
                norms[layer] = norms[layer] ?? (value, worker)
            }
        }
        return try norms.enumerated().map { layer, norm in
            guard let norm else { throw fault("no node reported the gradient of layer \(layer)") }
            return norm.value
        }
    }

    /// The loss of every microbatch, each from one node, in microbatch order.
    private func agreedLosses(_ workers: [WorkerID], microbatchCount: Int) throws -> [Double] {
        var losses: [(value: Double, worker: WorkerID)?] = Array(
            repeating: nil,
            count: microbatchCount
        )
        for worker in workers {
            for (index, value) in (votes[worker]?.losses ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard losses.indices.contains(index) else {
                    let range = "there are \(microbatchCount)"
                    throw fault("node \(worker) reported the loss of microbatch \(index), \(range)")
                }
                if let first = losses[index]?.worker {
                    throw fault("nodes \(first) and \(worker) both ran microbatch \(index)")
                }
                losses[index] = (value, worker)
            }
        }
        return try losses.enumerated().map { index, loss in
            guard let loss else { throw fault("no node reported the loss of microbatch \(index)") }
            return loss.value
        }
    }

    /// The targets of all microbatches together; `nil` where losses are means.
    private func agreedTargets(
        _ workers: [WorkerID],
        microbatchCount: Int,
        areCounted: Bool
    ) throws -> Int? {
        let counts = workers.flatMap { votes[$0]?.targetCounts ?? [:] }
        guard areCounted || !counts.isEmpty else { return nil }
        if let count = counts.first(where: { !(0...Self.mostTargets).contains($0.value) }) {
            throw fault("microbatch \(count.key) has \(count.value) targets")
        }
        guard Set(counts.map(\.key)) == Set(0..<microbatchCount), counts.count == microbatchCount
        else {
            throw fault("targets are counted of \(counts.count) of \(microbatchCount) microbatches")
        }
        return counts.reduce(0) { $0 + $1.value }
    }

    /// The most targets of one microbatch, so that no sum of them overflows.
    static let mostTargets = 1 << 36

    private func fault(_ what: String, isDisagreement: Bool = false) -> StepFailure {
        let cause = OobleckError(.internalFault, "step \(step): \(what)")
        return StepFailure(cause: cause, isDisagreement: isDisagreement)
    }
}
