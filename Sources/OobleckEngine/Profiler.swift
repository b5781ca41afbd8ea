import OobleckCore
import OobleckModels
import OobleckTensor

/// Measures what each layer of a job's model costs on this machine (`profile.json`).
package struct Profiler {
    private let job: JobSpecification
    private let repetitions: Int

    /// Takes the median of `repetitions` passes over each layer.
    package init(job: JobSpecification, repetitions: Int = 5) {
        self.job = job
        self.repetitions = repetitions
    }

    /// The measured profile, with the job's memory limit.
    package func run() throws -> ModelProfile {
        WorkerMemory.prepare(for: job)
        let allReduce = try AllReduceMeter(repetitions: repetitions)
        var tiedCount: Int?
        let layers = try (0..<job.model.layerCount).map { layer in
            let state = try LayerState(layer: layer, model: job.model)
            try state.initialize(seed: job.training.seed, model: job.model)
            tiedCount = tiedCount ?? state.tied?.count
            let cost = try measure(state)
            let gradientBytes = state.segments.reduce(0) { $0 + 8 * $1.count }
            return LayerProfile(
                name: name(state.layer),
                forward: cost.forward,
                backward: cost.backward,
                allReduceAcrossNodes: try allReduce.times(elementCount: gradientBytes / 8),
                parameterBytes: ByteCount(gradientBytes / 2),
                gradientBytes: ByteCount(gradientBytes),
                optimizerBytes: ByteCount(gradientBytes),
                activationBytes: ByteCount(cost.activationBytes),
                outputBytes: ByteCount(cost.outputBytes),
                workspaceBytes: ByteCount(cost.workspaceBytes)
            )
        }
        let activation = [job.training.microbatch, job.model.sequenceLength, job.model.hidden]
        let link = try allReduce.link(elementCount: activation.reduce(1, *))
        return ModelProfile(
            model: job.model.name,
            microbatchSize: job.training.microbatch,
            deviceMemory: job.cluster.deviceMemory,
            linkBytesPerSecond: link.bytesPerSecond,
            linkLatency: link.latency,
            tiedAllReduceAcrossNodes: try tiedCount.map {
                try allReduce.tiedTimes(elementCount: $0)
            },
            memoryRule: try WorkerMemory.rule(of: job),
            layers: layers
        )
    }

    private func name(_ layer: Int) -> String {
        switch layer {
        case 0: "embedding"
        case job.model.layerCount - 1: "head"
        default: "block\(layer - 1)"
        }
    }

    private struct Cost {
        var forward = Seconds.zero
        var backward = Seconds.zero
        var activationBytes = 0
        var outputBytes = 0
        /// The most beyond what is kept after the forward pass.
        var workspaceBytes = 0
    }

    private func measure(_ state: LayerState) throws -> Cost {
        let model = job.model
        let shape = [job.training.microbatch, model.sequenceLength]
        let count = shape.reduce(1, *)
        let tokens = (0..<count).map { Int64($0 % model.vocabulary) }
        let data = (
            inputs: try Tensor.copying(tokens, shape: shape),
            targets: try Tensor.copying(tokens, shape: shape)
        )
        let input = try Tensor.zeros(shape + [model.hidden])
        try TensorRuntime.seedDropout(job.training.seed)
        try input.fillNormal(deviation: 1, seed: job.training.seed)
        let computation = StageComputation(
            model: GPT2(model),
            seed: job.training.seed,
            layers: [state]
        )
        let sums = try ProfiledSums(state: state, job: job)
        var forwards: [Seconds] = []
        var backwards: [Seconds] = []
        var cost = Cost()
        for _ in 0...repetitions {
            try TensorRuntime.measuringMemory { read in
                let forwardWatch = Stopwatch()
                let pass = try computation.forward(
                    state,
                    input: input,
                    data: data,
                    step: 0,
                    microbatch: 0
                )
                try TensorRuntime.synchronize()
                forwards.append(forwardWatch.elapsed)
                cost.activationBytes = max(try read().current, 0)
                cost.outputBytes = pass.output.byteCount
                let isHead = state.layer == model.layerCount - 1
                let seed = isHead ? nil : try Tensor.zeros(pass.output.shape)
                let backwardWatch = Stopwatch()
                let gradients = try computation.backward(state, pass, seed: seed)
                try sums.add(gradients.parameters)
                try TensorRuntime.synchronize()
                backwards.append(backwardWatch.elapsed)
                cost.workspaceBytes = max(
                    cost.workspaceBytes,
                    try read().peak - cost.activationBytes
                )
            }
        }
        // The first pass warms caches up and does not count.
        cost.forward = median(forwards.dropFirst())
        cost.backward = median(backwards.dropFirst())
        return cost
    }

    private func median(_ times: ArraySlice<Seconds>) -> Seconds {
        let sorted = times.sorted()
        return sorted[sorted.count / 2]
    }
}

/// The exact summation as part of a backward pass's cost.
private struct ProfiledSums {
    private let state: LayerState
    private var accumulators: [ObjectIdentifier: FixedPointAccumulator] = [:]

    init(state: LayerState, job: JobSpecification) throws {
        self.state = state
        for segment in state.segments {
            accumulators[ObjectIdentifier(segment)] = try FixedPointAccumulator(
                count: segment.count,
                addendCount: job.training.microbatchCount
            )
        }
    }

    func add(_ gradients: ArraySlice<Tensor>) throws {
        for (index, gradient) in gradients.enumerated() {
            let (segment, entry) = state.location(index)
            try accumulators[ObjectIdentifier(segment)]?.add(gradient, at: entry.offset)
        }
    }
}
