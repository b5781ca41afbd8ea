import OobleckCore
import OobleckData
import OobleckTensor

/// The training data of each microbatch: a pure function of the corpus, the seed and the position.
struct MicrobatchSource {
    private let corpus: Corpus
    private let order: SampleOrder
    private let job: JobSpecification
    private let batch: [ImportManifest.BatchTensor]

    init(
        corpus: Corpus,
        job: JobSpecification,
        batch: [ImportManifest.BatchTensor]
    ) throws {
        self.corpus = corpus
        self.job = job
        self.batch = batch
        order = SampleOrder(
            seed: job.training.seed,
            sampleCount: try corpus.sampleCount(job)
        )
    }

    /// The tensors of the given names of one microbatch, each `[microbatch, ...]`.
    func batch(step: Int, microbatch: Int, names: Set<String>) throws -> [String: Tensor] {
        let wanted = batch.filter { names.contains($0.name) }
        guard !wanted.isEmpty else { return [:] }
        let size = job.training.microbatch
        let first = step * job.training.globalBatch + microbatch * size
        let samples = (first..<first + size).map { order.sampleIndex(position: $0) }
        let sequence = job.model.sequenceLength ?? 1
        let (inputs, targets) = corpus.batch(samples: samples, sequenceLength: sequence)
        var tensors: [String: Tensor] = [:]
        for tensor in wanted {
            let values =
                switch tensor.role {
                case .tokens: inputs
                case .nextTokens: targets
                case .ones: [Int64](repeating: 1, count: inputs.count)
                case .maskedTokens, .maskTargets, .column:
                    preconditionFailure("\(tensor.name) is no role of a corpus of tokens")
                }
            tensors[tensor.name] = try Tensor.copying(values, shape: [size, sequence])
        }
        return tensors
    }
}
