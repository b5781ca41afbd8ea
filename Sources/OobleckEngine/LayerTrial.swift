import OobleckCore
import OobleckModels
import OobleckTensor

/// A made-up microbatch of one layer, forward and backward: with the same parameters it has the same bits on
/// every node that computes alike.
struct LayerTrial {
    /// Domain of the seeds of what is computed.
    static let domain: UInt64 = 9
    /// Numbers of the largest tensor between two layers, or in the head, with which whole microbatches
    /// are computed.
    private static let mostActivations = 16 << 20

    let job: JobSpecification
    /// Whether the result is to be wrong, for tests.
    var isSpoiled = false

    /// Samples that are computed at once: a microbatch, or one where that is much.
    var samples: Int {
        let (model, microbatch) = (job.model, job.training.microbatch)
        let width = max(model.vocabulary, model.innerSize, model.sequenceLength * model.heads)
        let numbers = Double(microbatch) * Double(model.sequenceLength) * Double(width)
        return numbers <= Double(Self.mostActivations) ? microbatch : 1
    }

    /// The layer's output, the gradients of its parameters in their order, and that of its input.
    func run(
        _ state: LayerState
    ) throws -> (output: Tensor, parameters: ArraySlice<Tensor>, input: Tensor?) {
        let (model, layer) = (job.model, UInt64(state.layer))
        let shape = [samples, model.sequenceLength]
        let tokens = (0..<shape.reduce(1, *)).map { Int64($0 * 7919 % model.vocabulary) }
        let data = (
            inputs: try Tensor.copying(tokens, shape: shape),
            targets: try Tensor.copying(tokens.reversed(), shape: shape)
        )
        let input = try Tensor.empty(shape + [model.hidden])
        try input.fillNormal(deviation: 1, seed: mixedSeed(Self.domain, 1, layer))
        let computation = StageComputation(
            model: GPT2(model),
            seed: mixedSeed(Self.domain, 2),
            layers: [state]
        )
        let pass = try computation.forward(state, input: input, data: data, step: 0, microbatch: 0)
        if isSpoiled { try pass.output.flipLowestBit() }
        var seed: Tensor?
        if !pass.output.shape.isEmpty {
            let gradient = try Tensor.empty(pass.output.shape)
            try gradient.fillNormal(deviation: 0.01, seed: mixedSeed(Self.domain, 3, layer))
            seed = gradient
        }
        let gradients = try computation.backward(state, pass, seed: seed)
        return (pass.output, gradients.parameters, gradients.input)
    }

    /// What a layer comes to with the parameters that it has.
    func check(_ state: LayerState) throws -> SpotCheck {
        let result = try run(state)
        let tensors = [result.output] + result.parameters + (result.input.map { [$0] } ?? [])
        let digest = try tensors.reduce(LayerTrial.domain) {
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
