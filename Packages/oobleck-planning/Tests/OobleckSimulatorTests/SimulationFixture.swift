import OobleckValues

@testable import OobleckSimulator

/// Small clusters for tests.
enum SimulationFixture {
    static let day = Seconds(86_400)

    /// A model of equal layers that needs `nodes` nodes for a pipeline.
    static func cluster(
        layers: Int = 12,
        leastNodes: Int = 2,
        microbatches: Int = 48,
        faultTolerance: Int = 1
    ) -> ClusterModel {
        let each: ByteCount = 1_000_000_000
        let profile = ModelProfile(
            model: "test",
            microbatchSize: 2,
            // Parameters, gradients and optimizer state of a share of the layers, and no more.
            deviceMemory: ByteCount(4 * each.value * ((layers + leastNodes - 1) / leastNodes)),
            layers: (0..<layers).map {
                LayerProfile(
                    name: "layer.\($0)",
                    forward: Seconds(0.01 + 0.001 * Double($0 % 3)),
                    backward: Seconds(0.02),
                    allReduceAcrossNodes: [2: 0.004],
                    parameterBytes: each,
                    optimizerBytes: 2 * each
                )
            }
        )
        return ClusterModel(
            profile: profile,
            microbatches: microbatches,
            faultTolerance: faultTolerance,
            tokensPerSample: 128,
            crashDetection: 0.05,
            rebuild: .constant(1)
        )
    }

    /// Nodes that are there from the start, and these losses in seconds.
    static func history(
        nodes: Int,
        losses: [(seconds: Double, nodes: [Int])],
        duration: Double
    ) -> ClusterHistory {
        let start = ClusterEvent(time: .zero, change: .join, nodes: Array(0..<nodes))
        return ClusterHistory(
            events: [start]
                + losses.map {
                    ClusterEvent(
                        time: SimulatedTime(Seconds($0.seconds)),
                        change: .loss(.crash),
                        nodes: $0.nodes
                    )
                },
            nodeCount: nodes,
            duration: SimulatedTime(Seconds(duration))
        )
    }

    /// All that can go wrong.
    static let harsh = FailureModel(
        meanTimeBetweenFailures: Seconds(4 * 3600),
        repairTime: 1800,
        groupSize: 4,
        groupMeanTimeBetweenFailures: Seconds(48 * 3600),
        hangShare: 0.2,
        slowShare: 0.2,
        slowFactor: 3,
        notice: 60
    )

    static func policy(
        _ policy: SimulatedPolicy,
        _ model: ClusterModel,
        nodes: Int,
        meanTimeToFailure: Seconds? = 3600
    ) throws -> any ResiliencePolicy {
        try policy.make(
            StepTable(model, nodes: nodes),
            nodes: nodes,
            meanTimeToFailure: meanTimeToFailure
        )
    }
}
