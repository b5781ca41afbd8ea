import OobleckCore

/// A job with a model; its data are for the test to name.
enum TrainingFixture {
    static func job(_ model: ImportedModel) -> JobSpecification { job(.imported(model)) }

    static func job(_ model: ModelSpecification) -> JobSpecification {
        JobSpecification(
            model: model,
            training: TrainingSpecification(
                steps: 5,
                seed: 7,
                globalBatch: 8,
                microbatch: 2,
                learningRate: 1e-3,
                minimumLearningRate: 1e-4,
                warmupSteps: 1,
                weightDecay: 0.1,
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                gradientClip: 1
            ),
            cluster: ClusterSpecification(
                nodes: 4,
                faultTolerance: 1,
                deviceMemory: nil,
                detectionBudget: 2
            ),
            corpusPath: "/corpus.txt"
        )
    }
}
