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
        let model = try ModelFactory.model(of: job)
        var measured: [Kind: Cost] = [:]
        var tied: [Int: Int] = [:]
        let layers = try (0..<model.layerCount).map { layer in
            let state = try LayerState(
                layer: layer,
                model: job.model,
                trained: job.training.trained
            )
            for (set, segment) in state.tied where !segment.isFrozen { tied[set] = segment.count }
            // Layers that compute alike cost alike.
            let kind = Kind(
                representative: model.representative(ofLayer: layer),
                trained: state.trainedIndices
            )
            let cost = try measured[kind] ?? measure(state, of: model)
            measured[kind] = cost
            let gradientBytes = state.summedSegments.reduce(0) { $0 + 8 * $1.count }
            let parameterBytes = state.segments.reduce(0) { $0 + 4 * $1.count }
            return LayerProfile(
                name: model.name(ofLayer: layer),
                forward: cost.forward,
                backward: cost.backward,
                allReduceAcrossNodes: try allReduce.times(elementCount: max(gradientBytes / 8, 1)),
                parameterBytes: ByteCount(parameterBytes),
                gradientBytes: ByteCount(gradientBytes),
                optimizerBytes: state.byteCount - ByteCount(parameterBytes),
                activationBytes: ByteCount(cost.activationBytes),
                outputBytes: ByteCount(cost.outputBytes),
                workspaceBytes: ByteCount(cost.workspaceBytes),
                recomputation: cost.recomputation
            )
        }
        let link = try allReduce.link(elementCount: largestBoundary(of: model))
        return ModelProfile(
            model: job.model.name,
            microbatchSize: job.training.microbatch,
            deviceMemory: job.cluster.deviceMemory,
            linkBytesPerSecond: link.bytesPerSecond,
            linkLatency: link.latency,
            tiedAllReduceAcrossNodes: tied.isEmpty
                ? nil : try allReduce.tiedTimes(elementCount: tied.values.reduce(0, +)),
            memoryRule: try WorkerMemory.rule(of: job),
            layers: layers
        )
    }

    /// Elements of all that crosses the widest boundary for one microbatch.
    private func largestBoundary(of model: any LayeredModel) -> Int {
        let sizes = (0..<model.layerCount).map { layer in
            model.received(byLayer: layer, samples: job.training.microbatch)
                .reduce(0) { $0 + $1.elementCount }
        }
        return max(sizes.max() ?? 1, 1)
    }

    /// Layers that cost alike.
    private struct Kind: Hashable {
        let representative: Int
        let trained: [Int]
    }

    private struct Cost {
        var forward = Seconds.zero
        var backward = Seconds.zero
        var activationBytes = 0
        var outputBytes = 0
        /// The most beyond what is kept after the forward pass.
        var workspaceBytes = 0
        var recomputation: RecomputationProfile?
    }

    /// The costs of a layer: with its graph kept, and with its forward pass computed again.
    private func measure(_ state: LayerState, of model: any LayeredModel) throws -> Cost {
        var cost = try measure(state, of: model, recomputes: false)
        guard state.layer < model.layerCount - 1 else { return cost }
        let again = try measure(state, of: model, recomputes: true)
        cost.recomputation = RecomputationProfile(
            backward: again.backward,
            activationBytes: ByteCount(again.activationBytes),
            workspaceBytes: ByteCount(again.workspaceBytes)
        )
        return cost
    }

    private func measure(
        _ state: LayerState,
        of model: any LayeredModel,
        recomputes: Bool
    ) throws -> Cost {
        try model.initialize(state, seed: job.training.seed)
        let made = MadeUpMicrobatch(
            model: model,
            samples: job.training.microbatch,
            vocabulary: job.model.vocabulary
        )
        let batch = try made.batch(ofLayer: state.layer)
        try TensorRuntime.seedDropout(job.training.seed)
        let computation = StageComputation(
            model: model,
            seed: job.training.seed,
            layers: [state],
            recomputes: recomputes,
            precision: job.training.precision
        )
        let input = try made.received(byLayer: state.layer) { job.training.seed &+ UInt64($0) }
            .map(computation.atBoundary)
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
                    batch: batch,
                    step: 0,
                    microbatch: 0
                )
                try TensorRuntime.synchronize()
                forwards.append(forwardWatch.elapsed)
                cost.activationBytes = max(try read().current, 0)
                cost.outputBytes = pass.outputs.reduce(0) { $0 + $1.byteCount }
                let isLast = state.layer == model.layerCount - 1
                let seeds =
                    isLast
                    ? []
                    : try pass.outputs.filter(\.isFloatingPoint).map { try Tensor.zeros($0.shape) }
                let backwardWatch = Stopwatch()
                let gradients = try computation.backward(state, pass, seeds: seeds)
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
        for segment in state.trainedSegments {
            accumulators[ObjectIdentifier(segment)] = try FixedPointAccumulator(
                count: segment.count,
                addendCount: job.training.microbatchCount
            )
        }
    }

    func add(_ gradients: ArraySlice<Tensor>) throws {
        for (index, gradient) in zip(state.trainedIndices, gradients) {
            let (segment, entry) = state.location(index)
            try accumulators[ObjectIdentifier(segment)]?.add(gradient, at: entry.offset)
        }
    }
}
