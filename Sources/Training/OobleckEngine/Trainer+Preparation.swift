import Dispatch
import OobleckCore
import OobleckTensor

/// Getting ready for a plan.
extension Trainer {
    func prepare(_ reconfiguration: Reconfiguration) throws {
        drop()
        let loaded = try requireLoaded()
        let generation = reconfiguration.generation
        guard let resources = resources(generation) else { return }
        let isToldSo = reconfiguration.sharingNodes?.contains(worker.node) ?? false
        clock.sharesMachine = isToldSo || sharesMachine()
        // What it sends is trusted by all later comparisons.
        let sent = reconfiguration.transfers.filter { $0.sender == worker }.map(\.layer)
        let damaged = try damagedLayers(among: sent)
        guard damaged.isEmpty else { return link.send(report(ofDamaged: damaged, generation)) }
        let watch = watchReach(of: reconfiguration.plan, resources, loaded)
        defer { watch.cancel() }
        do {
            var (prepared, report) = try loaded.preparation.run(
                reconfiguration,
                resources: resources,
                held: held
            )
            self.prepared = prepared
            if reconfiguration.provesArithmetic == true {
                let isSpoiled = loaded.faults.miscomputes(step: reconfiguration.committedSteps)
                let probe = ArithmeticProbe(
                    job: loaded.job,
                    model: loaded.model,
                    isSpoiled: isSpoiled
                )
                report.fingerprint = try probe.run().fingerprint
            }
            report.abandoned = abandoned
            abandoned = nil
            link.send(.prepared(report))
        } catch let error as TensorError where error.code != .outOfMemory {
            resources.release()
            guard error.code == .failed else { return }
            let budget = loaded.job.cluster.detectionBudget
            let unreached = resources.unreachedMembers(
                of: reconfiguration.plan,
                within: Deadlines(budget: budget).probe
            )
            link.send(
                .faulted(
                    generation: generation,
                    message: error.message,
                    FaultFindings(unreached: unreached)
                )
            )
        } catch let failure as CheckpointLoader.Failure {
            resources.release()
            let step = reconfiguration.committedSteps
            link.send(
                .restoreFailed(
                    RestoreFailure(generation: generation, step: step, message: failure.message)
                )
            )
        }
    }

    /// Reports the peers that this worker cannot reach while the plan is still being prepared.
    ///
    /// This detects two workers that cannot reach each other: they wait in their connections for
    /// longer than the others wait for them, and would be aborted before they fail.
    private func watchReach(
        of plan: ExecutionPlan,
        _ resources: GenerationResources,
        _ loaded: Loaded
    ) -> DispatchWorkItem {
        let deadlines = Deadlines(budget: loaded.job.cluster.detectionBudget)
        let link = link
        let watch = DispatchWorkItem {
            let unreached = resources.unreachedMembers(of: plan, within: deadlines.probe)
            guard !unreached.isEmpty else { return }
            link.send(
                .faulted(
                    generation: resources.generation,
                    message: "its groups do not form",
                    FaultFindings(unreached: unreached)
                )
            )
        }
        let queue = DispatchQueue.global(qos: .utility)
        queue.asyncAfter(deadline: .now() + deadlines.doubt.value, execute: watch)
        return watch
    }
}
