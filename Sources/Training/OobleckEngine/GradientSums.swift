import OobleckCore
import OobleckModels
import OobleckTensor

/// The exact gradient sums of one step on one worker, and their summation among the pipelines.
///
/// A layer's sum starts its way as soon as the layer's last backward pass is done, so that it
/// overlaps with the backward passes of the layers before it. All members of a group start their
/// sums in the same order: layers from last to first, then the tied parameters.
final class GradientSums {
    private let layers: [Int: LayerState]
    private let groupPlan: GroupPlan
    private let resources: GenerationResources
    private let pool: SumsPool
    private let tied: [TiedParameter]
    private let microbatchCount: Int
    private var sums: [ObjectIdentifier: FixedPointAccumulator] = [:]
    private var pending: [PendingTransfer] = []

    /// Zeros for all segments of `layers`.
    init(
        layers: [Int: LayerState],
        groupPlan: GroupPlan,
        resources: GenerationResources,
        microbatchCount: Int,
        tied: [TiedParameter],
        pool: SumsPool
    ) throws {
        self.tied = tied
        self.microbatchCount = microbatchCount
        self.pool = pool
        self.layers = layers
        self.groupPlan = groupPlan
        self.resources = resources
        for state in layers.values {
            for segment in state.summedSegments where sums[ObjectIdentifier(segment)] == nil {
                sums[ObjectIdentifier(segment)] = try pool.take(
                    for: segment,
                    addendCount: microbatchCount * uses(of: segment, in: state)
                )
            }
        }
    }

    /// Layers whose gradients are added up for a segment.
    private func uses(of segment: ParameterSegment, in layer: LayerState) -> Int {
        let set = layer.tied.first { $0.value === segment }?.key
        return set.map { tied[$0].uses.count } ?? 1
    }

    private func accumulator(_ segment: ParameterSegment) -> FixedPointAccumulator {
        guard let accumulator = sums[ObjectIdentifier(segment)] else {
            preconditionFailure("a segment without sums")
        }
        return accumulator
    }

    /// Adds one microbatch's gradients of a layer, in the order of the parameters that are trained.
    ///
    /// False when a gradient is not finite or too large and was not added: the update must be
    /// skipped. A CUDA device reports it later (``takeOutOfRange()``).
    func add(_ gradients: ArraySlice<Tensor>, layer: LayerState) throws -> Bool {
        var isComplete = true
        func noteOutOfRange(_ body: () throws -> Void) throws {
            do {
                try body()
            } catch let error as TensorError where error.code == .outOfRange {
                isComplete = false
            }
        }
        for (index, gradient) in zip(layer.trainedIndices, gradients) {
            let (segment, entry) = layer.location(index)
            try noteOutOfRange {
                try accumulator(segment).add(gradient, at: entry.offset, mark: layer.layer)
            }
        }
        return isComplete
    }

    /// Adds what one microbatch has of a layer's running statistics, in their order.
    ///
    /// False as in ``add(_:layer:)``.
    func add(statistics: [Tensor], layer: LayerState, microbatch: Int) throws -> Bool {
        var isComplete = true
        for (index, observed) in zip(layer.statisticIndices, statistics) {
            let (segment, entry) = layer.location(index)
            let average = MovingAverage(momentum: segment.momentum ?? 1, count: microbatchCount)
            do {
                // The update subtracts, as from a gradient.
                let part = try observed.cast(to: .float32).scaled(
                    by: -average.weight(of: microbatch)
                )
                try accumulator(segment).add(part, at: entry.offset, mark: layer.layer)
            } catch let error as TensorError where error.code == .outOfRange {
                isComplete = false
            }
        }
        return isComplete
    }

    /// Layers of which a CUDA device found, since the last call, that a gradient is out of range.
    func takeOutOfRange() throws -> Set<Int> { try FixedPointAccumulator.takeMarks() }

    /// Starts the summation of a layer whose gradients are complete here.
    func start(layer: Int) throws {
        guard let state = layers[layer] else { return }
        guard let group = resources.group(groupPlan.layerGroups[layer]) else { return }
        for segment in [state.own] + state.statistics where segment.count > 0 && !segment.isStill {
            pending.append(try group.startAllReduce(accumulator(segment).sums))
        }
    }

    /// Starts the summation of the tied parameters, when all layers' gradients are complete here.
    func startTied() throws {
        for (set, name) in groupPlan.tiedGroups.enumerated() {
            guard let group = resources.group(name),
                let segment = layers.values.lazy.compactMap({ $0.tied[set] }).first,
                !segment.isFrozen
            else { continue }
            pending.append(try group.startAllReduce(accumulator(segment).sums))
        }
    }

    /// Waits until all sums are complete.
    func wait() throws {
        for transfer in pending { try transfer.wait() }
        pending = []
    }

    /// Squared norm of each layer's mean gradient.
    ///
    /// A tied parameter counts once, in the first layer that uses it.
    func squaredNorms(microbatchCount: Int) throws -> [Int: Double] {
        let factor = 1 / Double(microbatchCount)
        var norms: [Int: Double] = [:]
        for (layer, state) in layers {
            let shared = tied.enumerated().filter { $0.element.uses[0].layer == layer }
                .compactMap { state.tied[$0.offset] }
            let segments = (state.own.count > 0 ? [state.own] : []) + shared
            norms[layer] = try segments.filter { !$0.isFrozen }.reduce(0) { sum, segment in
                try sum + accumulator(segment).squaredNorm(factor: factor)
            }
        }
        return norms
    }

    /// Applies the optimizer to every segment once; the sums are not to be used any more after it.
    ///
    /// `afterSegment` is called between updates. Returns the states' digests before and after.
    func apply(
        _ update: UpdateRule,
        clip: Double,
        microbatchCount: Int,
        afterSegment: () -> Void
    ) throws -> UpdateDigests {
        var digests = UpdateDigests()
        for layer in layers.keys.sorted() {
            for segment in layers[layer]?.segments ?? []
            where !digests.contains(segment) {
                guard !segment.isStill else {
                    let digest = try segment.state.digest()
                    digests.note(segment, (digest, digest))
                    continue
                }
                digests.note(
                    segment,
                    try segment.momentum.map {
                        try move(segment, MovingAverage(momentum: $0, count: microbatchCount))
                    }
                        ?? segment.state.apply(
                            update,
                            sums: accumulator(segment),
                            factor: 1 / Double(microbatchCount),
                            clip: clip,
                            decayEnd: segment.decayEnd
                        )
                )
                afterSegment()
            }
        }
        pool.give(sums)
        sums = [:]
        return digests
    }

    /// Moves running statistics by the microbatches of the step: `kept * old + sum`.
    private func move(
        _ segment: ParameterSegment,
        _ average: MovingAverage
    ) throws -> (before: UInt64, after: UInt64) {
        try segment.state.apply(
            .sgd(
                SGDUpdate(
                    learningRate: 1,
                    momentum: 0,
                    isNesterov: false,
                    weightDecay: 1 - average.kept
                )
            ),
            sums: accumulator(segment),
            factor: 1,
            clip: 1,
            decayEnd: segment.count
        )
    }
}
