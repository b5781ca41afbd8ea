import OobleckCore
import OobleckData
import OobleckTensor

/// The data of each microbatch: a pure function of the data, the seed and the position.
struct MicrobatchSource {
    private let data: TrainingData
    /// `nil` is the order of the data.
    private let order: SampleOrder?
    private let training: TrainingSpecification
    private let batch: [ImportManifest.BatchTensor]

    init(
        data: TrainingData,
        job: JobSpecification,
        batch: [ImportManifest.BatchTensor]
    ) throws {
        self.data = data
        self.batch = batch
        training = job.training
        order = SampleOrder(seed: training.seed, sampleCount: try data.sampleCount())
    }

    /// The validation data: "steps" are the global batches of one evaluation.
    init(
        validation: ValidationData,
        job: JobSpecification,
        batch: [ImportManifest.BatchTensor]
    ) {
        (data, training, order) = (validation.data, job.training, nil)
        self.batch = batch
    }

    /// The tensors of the given names of one microbatch, each `[microbatch, ...]`.
    func batch(step: Int, microbatch: Int, names: Set<String>) throws -> [String: Tensor] {
        let wanted = batch.filter { names.contains($0.name) }
        guard !wanted.isEmpty else { return [:] }
        let size = training.microbatch
        let first = step * training.globalBatch + microbatch * size
        let samples = (first..<first + size).map {
            BatchSample(position: $0, index: order?.sampleIndex(position: $0) ?? $0)
        }
        let values = try data.values(of: wanted, samples: samples)
        var tensors: [String: Tensor] = [:]
        for tensor in wanted {
            guard let values = values[tensor.name] else { continue }
            let shape = [size] + tensor.shape.dropFirst()
            tensors[tensor.name] = try Tensor.copying(values, shape: shape, kind: tensor.kind)
        }
        return tensors
    }
}

extension Tensor {
    /// A copy of a microbatch's values in libtorch's own storage.
    fileprivate static func copying(
        _ values: BatchValues,
        shape: [Int],
        kind: ElementKind
    ) throws -> Tensor {
        switch values {
        case .int64(let values): return try copying(values, shape: shape)
        case .float32(let values): return try copying(values, shape: shape)
        case .int32(let values): return try copying(values, shape: shape, as: .int32)
        case .bytes(let values): return try copying(values, shape: shape, as: ElementType(kind))
        }
    }
}
