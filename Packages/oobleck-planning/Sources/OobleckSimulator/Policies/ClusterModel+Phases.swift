import OobleckValues

/// What several policies do when something changes, at its price.
extension ClusterModel {
    /// The nodes that are left find each other anew.
    ///
    /// How long that takes is drawn by the moment, so that all policies of one world draw alike.
    func rebuilding(_ view: ClusterView) -> PolicyAnswer.Phase {
        let random = CounterRandom(seed: UInt64(bitPattern: Int64(view.time.nanoseconds)))
        let time = rebuild.time(nodes: view.alive.count, draw: random.uniform(stream: 0, index: 0))
        return PolicyAnswer.Phase(.recovering, SimulatedTime(time))
    }

    /// All processes start anew, and read the last checkpoint.
    var restoring: [PolicyAnswer.Phase] { restoring(after: restart) }

    /// The same with another time to start anew.
    func restoring(after restart: Seconds) -> [PolicyAnswer.Phase] {
        [
            PolicyAnswer.Phase(.recovering, SimulatedTime(restart)),
            PolicyAnswer.Phase(.copying, storageTime()),
        ]
    }
}
