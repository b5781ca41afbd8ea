import OobleckCore

/// A made-up job of a model with next to no parameters.
package enum SmallJob {
    /// The job with these numbers; `every` is how often it is validated.
    package static func job(
        steps: Int = 9,
        nodes: Int = 1,
        faultTolerance: Int = 0,
        every: Int? = nil
    ) -> JobSpecification {
        JobSpecification(
            model: ModelSpecification(
                name: "small",
                blocks: 1,
                hidden: 4,
                heads: 2,
                vocabulary: 5,
                sequenceLength: 3,
                dropout: 0
            ),
            training: TrainingSpecification(
                steps: steps,
                seed: 1,
                globalBatch: 2,
                microbatch: 1,
                learningRate: 1,
                minimumLearningRate: 1,
                warmupSteps: 0,
                weightDecay: 0,
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                gradientClip: 1
            ),
            cluster: ClusterSpecification(
                nodes: nodes,
                faultTolerance: faultTolerance,
                deviceMemory: nil,
                detectionBudget: 2
            ),
            corpusPath: "corpus",
            validation: every.map { ValidationSpecification(every: $0, dataPath: "other") }
        )
    }
}
