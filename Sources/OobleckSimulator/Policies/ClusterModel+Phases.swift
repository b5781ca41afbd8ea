/// What several policies do when something changes, at its price.
extension ClusterModel {
    /// The nodes that are left find each other anew.
    var rebuilding: PolicyAnswer.Phase { PolicyAnswer.Phase(.recovering, SimulatedTime(rebuild)) }

    /// All processes start anew, and read the last checkpoint.
    var restoring: [PolicyAnswer.Phase] {
        [
            PolicyAnswer.Phase(.recovering, SimulatedTime(restart)),
            PolicyAnswer.Phase(.copying, storageTime()),
        ]
    }
}
