import OobleckCore
import OobleckModels
import OobleckTensor

/// A generated microbatch of one layer, forward and backward.
///
/// With the same parameters it gives the same bits on every node with the same arithmetic.
struct LayerTrial {
    /// Domain of the seeds of what is computed.
    static let domain: UInt64 = 9

    let job: JobSpecification
    let model: any LayeredModel
    /// Whether the result is to be wrong, for tests.
    var isSpoiled = false

    /// What the layer gives, and the gradients of its parameters and of what it receives.
    struct Result {
        let outputs: [Tensor]
        let gradients: StageComputation.LayerGradients
        /// What the microbatch has of running statistics, and what the layer gives in an evaluation.
        let further: [Tensor]

        /// All tensors, in a fixed order.
        var tensors: [Tensor] { outputs + gradients.parameters + gradients.received + further }
    }

    func run(_ state: LayerState) throws -> Result {
        let layer = UInt64(state.layer)
        let samples = model.trialSamples(microbatch: job.training.microbatch)
        let made = MadeUpMicrobatch(
            model: model,
            samples: samples,
            vocabulary: job.model.vocabulary
        )
        let computation = StageComputation(
            model: model,
            seed: mixedSeed(Self.domain, 2),
            layers: [state],
            precision: job.training.precision
        )
        let input = try made.received(byLayer: state.layer) { index in
            mixedSeed(Self.domain, 1 + 16 * UInt64(index), layer)
        }
        .map(computation.atBoundary)
        let batch = try made.batch(ofLayer: state.layer)
        func forward() throws -> StageComputation.LayerPass {
            try computation.forward(state, input: input, batch: batch, step: 0, microbatch: 0)
        }
        let pass = try forward()
        if isSpoiled { try pass.outputs.first?.flipLowestBit() }
        let isLast = state.layer == model.layerCount - 1
        let outputs = isLast ? [] : pass.outputs.filter(\.isFloatingPoint)
        let seeds = try outputs.enumerated().map { index, output in
            let gradient = try Tensor.empty(output.shape)
            let seed = mixedSeed(Self.domain, 3 + 16 * UInt64(index), layer)
            try gradient.fillNormal(deviation: 0.01, seed: seed)
            return gradient
        }
        let gradients = try computation.backward(state, pass, seeds: seeds)
        let evaluated =
            job.validation == nil ? [] : try TensorRuntime.evaluating { try forward().outputs }
        return Result(
            outputs: pass.outputs,
            gradients: gradients,
            further: pass.statistics + evaluated
        )
    }

    /// The results of a layer with its present parameters.
    func check(_ state: LayerState) throws -> SpotCheck {
        let digest = try run(state).tensors.reduce(LayerTrial.domain) {
            try $1.leaf(requiresGradient: false).contiguous().digest(seed: $0)
        }
        return SpotCheck(layer: state.layer, digest: digest)
    }
}

extension Tensor {
    /// Changes the first number by as little as can be.
    ///
    /// For tests.
    func flipLowestBit() throws { try withMutableBytes { unsafe $0[0] ^= 1 } }
}
