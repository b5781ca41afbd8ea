import OobleckCore
import OobleckReconfiguration

/// The plan that a run begins with.
package struct FirstPlan {
    /// The profile with the job's limit of memory.
    package let profile: ModelProfile
    /// As it was before the plan.
    let reconfigurator: Reconfigurator
    package let document: PlanDocument

    /// Plans for a job by a profile of its model.
    ///
    /// `host` is where the nodes listen: on loopback they share this machine.
    ///
    /// Throws one line when the two do not belong together, or no plan exists.
    package init(_ job: JobSpecification, _ profile: ModelProfile, host: String) throws {
        guard profile.layers.count == job.model.layerCount else {
            throw OobleckError(
                .inputData,
                "the profile has \(counted(profile.layers.count, "layer")); "
                    + "model \(job.model.name) has \(job.model.layerCount)"
            )
        }
        guard profile.recomputes != true || job.training.recomputes else {
            throw OobleckError(
                .inputData,
                "the profile is that of a run with training.recompute: layers; the job has none"
            )
        }
        var profile = job.training.recomputes ? profile.recomputing : profile
        profile.deviceMemory = job.cluster.deviceMemory
        self.profile = profile
        reconfigurator = try RunStart.reconfigurator(job, profile, host: host)
        var trial = reconfigurator
        let decision = trial.decide(
            nodes: (0..<job.cluster.nodes).map { NodeID($0) },
            holdings: [:],
            hasState: false,
            generation: 0
        )
        switch decision {
        case .plan(let document, _): self.document = document
        case .lostLayers(_, let reason), .tooFewNodes(_, _, let reason):
            throw OobleckError(.noPlan, reason)
        }
        let deadlines = Deadlines(
            budget: job.cluster.detectionBudget,
            step: document.plan.stepTime
        )
        if let violation = deadlines.violation {
            throw OobleckError(.inputData, "deadlines make no sense: \(violation)")
        }
    }
}
