import OobleckCore

/// A job whose layers are computed in no time.
enum SmallJob {
    static func make(_ change: (inout JobSpecification) -> Void = { _ in }) -> JobSpecification {
        var job = JobSpecification(
            model: ModelSpecification(
                name: "small",
                blocks: 2,
                hidden: 32,
                heads: 2,
                vocabulary: 64,
                sequenceLength: 16,
                dropout: 0.1
            ),
            training: TrainingSpecification(
                steps: 1,
                seed: 1,
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
        change(&job)
        return job
    }
}
