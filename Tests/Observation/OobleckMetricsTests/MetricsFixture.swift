import OobleckCore

/// A made-up job.
enum MetricsFixture {
    static let job = JobSpecification(
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
            steps: 9,
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
            nodes: 1,
            faultTolerance: 0,
            deviceMemory: nil,
            detectionBudget: 2
        ),
        corpusPath: "corpus"
    )
}
