import OobleckCore
import OobleckData
import OobleckTensor

/// The training data of each microbatch: a pure function of the corpus, the seed and the position.
struct MicrobatchSource {
    private let corpus: Corpus
    private let order: SampleOrder
    private let job: JobSpecification

    init(corpus: Corpus, job: JobSpecification) throws {
        self.corpus = corpus
        self.job = job
        order = SampleOrder(
            seed: job.training.seed,
            sampleCount: try corpus.sampleCount(sequenceLength: job.model.sequenceLength)
        )
    }

    /// Tokens and targets of one microbatch, each `[microbatch, sequence]`.
    func batch(step: Int, microbatch: Int) throws -> (inputs: Tensor, targets: Tensor) {
        let size = job.training.microbatch
        let first = step * job.training.globalBatch + microbatch * size
        let samples = (first..<first + size).map { order.sampleIndex(position: $0) }
        let sequence = job.model.sequenceLength
        let (inputs, targets) = corpus.batch(samples: samples, sequenceLength: sequence)
        return (
            try Tensor.copying(inputs, shape: [size, sequence]),
            try Tensor.copying(targets, shape: [size, sequence])
        )
    }
}
