import OobleckCore
import OobleckModels
import OobleckTensor

/// The arithmetic of one microbatch on the layers of one stage.
///
/// Every layer is a graph of its own: its inputs are leaves, its outputs are cut off. What a layer
/// computes therefore does not depend on which other layers share its stage.
struct StageComputation {
    /// What the forward pass of one layer leaves for its backward pass.
    struct LayerPass {
        /// What the layer received, as leaves; none for the first layer, whose input is the microbatch.
        let received: [Tensor]
        /// What the next layer receives; of the last layer, the loss.
        let outputs: [Tensor]
        /// Of the last layer: its targets that count, where the loss is their sum.
        let targetCount: Tensor?
        /// What the microbatch has of the layer's running statistics.
        let statistics: [Tensor]
        /// What the forward pass is computed again from; `nil` where its graph is kept.
        var origin: Origin?
    }

    /// What a forward pass follows from, beside the layer and what it received.
    struct Origin {
        let batch: [String: Tensor]
        let step: Int
        let microbatch: Int
    }

    /// What the backward pass of one layer gives.
    struct LayerGradients {
        /// Of its parameters that are trained, in their order.
        let parameters: ArraySlice<Tensor>
        /// Of what it received, in that order.
        let received: [Tensor]
    }

    /// Domain of the seeds of dropout masks.
    private static let dropoutDomain: UInt64 = 2

    let model: any LayeredModel
    let seed: UInt64
    let layers: [LayerState]
    /// Whether the forward passes of all layers but the model's last are computed again.
    var recomputes = false
    /// How the layers compute.
    var precision: Precision?

    /// The type of the numbers that cross layers.
    private var boundaryType: ElementType { precision == .bfloat16 ? .bfloat16 : .float32 }

    /// Names of what the stage's layers take of a microbatch.
    var batchNames: Set<String> { Set(layers.flatMap { model.batchNames(ofLayer: $0.layer) }) }

    /// The forward pass of a layer.
    ///
    /// `input` is what the previous layer sent; `batch` has what the stage takes of the microbatch.
    func forward(
        _ state: LayerState,
        input: [Tensor],
        batch: [String: Tensor],
        step: Int,
        microbatch: Int
    ) throws -> LayerPass {
        if model.hasDropout {
            try TensorRuntime.seedDropout(
                mixedSeed(
                    Self.dropoutDomain,
                    seed,
                    UInt64(step),
                    UInt64(microbatch),
                    UInt64(state.layer)
                )
            )
        }
        let received = try input.map { try $0.leaf(requiresGradient: $0.isFloatingPoint) }
        let output = try forward(state, received: received, batch: batch)
        guard recomputes, state.layer < model.layerCount - 1 else {
            return LayerPass(
                received: received,
                outputs: output.tensors,
                targetCount: output.targetCount,
                statistics: output.statistics
            )
        }
        // The graph is dropped here. It was still built, because operators may choose their
        // algorithm by it.
        return LayerPass(
            received: input,
            outputs: try output.tensors.map { try $0.leaf(requiresGradient: false) },
            targetCount: nil,
            statistics: output.statistics,
            origin: Origin(batch: batch, step: step, microbatch: microbatch)
        )
    }

    private func forward(
        _ state: LayerState,
        received: [Tensor],
        batch: [String: Tensor]
    ) throws -> LayerOutput {
        func run() throws -> LayerOutput {
            try model.forward(state, received: received, batch: batch)
        }
        let output =
            precision == .bfloat16 ? try TensorRuntime.autocasting(run) : try run()
        guard state.layer < model.layerCount - 1 else { return output }
        return LayerOutput(
            tensors: try output.tensors.map(atBoundary),
            statistics: output.statistics
        )
    }

    /// A tensor as it crosses layers.
    func atBoundary(_ tensor: Tensor) throws -> Tensor {
        tensor.isFloatingPoint ? try tensor.cast(to: boundaryType) : tensor
    }

    /// The same pass with its graph.
    private func computedAgain(
        _ state: LayerState,
        _ pass: LayerPass,
        _ origin: Origin
    ) throws -> LayerPass {
        var keeping = self
        keeping.recomputes = false
        return try keeping.forward(
            state,
            input: pass.received,
            batch: origin.batch,
            step: origin.step,
            microbatch: origin.microbatch
        )
    }

    /// Runs `body`, and where an operator fails says which layer cannot be computed, and `when`.
    ///
    /// Operators of the CPU fail for one reason only: invalid arguments.
    func naming<Result>(
        _ state: LayerState,
        _ when: String,
        _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as TensorError
            where error.code == .failed && !TensorRuntime.isAsynchronous
        {
            throw OobleckError(
                .inputData,
                "\(when): layer \(state.layer) (\(model.name(ofLayer: state.layer))) cannot be "
                    + "computed: \(error.message)"
            )
        }
    }

    /// The backward pass of a layer.
    ///
    /// `seeds` are the gradients of its outputs, one for each; the loss needs none.
    func backward(
        _ state: LayerState,
        _ pass: LayerPass,
        seeds: [Tensor]
    ) throws -> LayerGradients {
        let pass = try pass.origin.map { try computedAgain(state, pass, $0) } ?? pass
        let leaves = state.trainedIndices.map { state.leaf($0) }
        let inputs = pass.received.filter(\.isFloatingPoint)
        let isLast = state.layer == model.layerCount - 1
        let gradients = try Tensor.gradients(
            of: pass.outputs.filter(\.isFloatingPoint),
            seeds: isLast ? try lossSeeds(pass) : seeds,
            withRespectTo: inputs + leaves
        )
        return LayerGradients(
            parameters: gradients.dropFirst(inputs.count),
            received: Array(gradients.prefix(inputs.count))
        )
    }

    private func lossSeeds(_ pass: LayerPass) throws -> [Tensor] {
        guard let scale = model.lossScale else { return [] }
        return try pass.outputs.map { loss in
            let seed = try Tensor.empty(loss.shape)
            try seed.fill(scale)
            return seed
        }
    }
}
