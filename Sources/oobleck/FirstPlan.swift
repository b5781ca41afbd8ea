import OobleckCore
import OobleckReconfiguration

/// The plan that a run begins with.
struct FirstPlan {
    /// The profile with the job's limit of memory.
    let profile: ModelProfile
    /// As it was before the plan.
    let reconfigurator: Reconfigurator
    let document: PlanDocument

    /// Plans for a job by a profile of its model.
    ///
    /// `host` is where the nodes listen: on loopback they share this machine.
    ///
    /// Throws one line when the two do not belong together, or no plan exists.
    init(_ job: JobSpecification, _ profile: ModelProfile, host: String) throws {
        guard profile.layers.count == job.model.layerCount else {
            throw OobleckError(
                .inputData,
                "the profile has \(counted(profile.layers.count, "layer")); "
                    + "model \(job.model.name) has \(job.model.layerCount)"
            )
        }
        var profile = profile
        profile.deviceMemory = job.cluster.deviceMemory
        self.profile = profile
        reconfigurator = try RunStart.reconfigurator(job, profile, host: host)
        document = try RunStart.requirePlan(reconfigurator, nodes: job.cluster.nodes)
        let deadlines = Deadlines(
            budget: job.cluster.detectionBudget,
            step: document.plan.stepTime
        )
        if let violation = deadlines.violation {
            throw OobleckError(.inputData, "deadlines make no sense: \(violation)")
        }
    }
}
