import OobleckCore
import OobleckModels
import OobleckTensor

/// The arithmetic of one microbatch on the layers of one stage.
///
/// Every layer is a graph of its own: its input is a leaf, its output is cut off. What a layer
/// computes therefore does not depend on which other layers share its stage.
struct StageComputation {
    /// What the forward pass of one layer leaves for its backward pass.
    struct LayerPass {
        /// The layer's input as a leaf; `nil` for the embedding, whose input are tokens.
        let input: Tensor?
        let output: Tensor
    }

    /// Domain of the seeds of dropout masks.
    private static let dropoutDomain: UInt64 = 2

    let model: GPT2
    let seed: UInt64
    let layers: [LayerState]

    /// The forward pass of a layer.
    ///
    /// `input` is the previous layer's output, `[microbatch, sequence, hidden]`, which the embedding
    /// does not use; `data` are tokens and targets, which the embedding and the head need.
    func forward(
        _ state: LayerState,
        input: Tensor?,
        data: (inputs: Tensor, targets: Tensor)?,
        step: Int,
        microbatch: Int
    ) throws -> LayerPass {
        if model.specification.dropout > 0 {
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
        if state.layer == 0 {
            guard let data else { preconditionFailure("the embedding has no tokens") }
            return LayerPass(input: nil, output: try model.embed(data.inputs, state))
        }
        guard let leaf = try input?.leaf(requiresGradient: true) else {
            preconditionFailure("layer \(state.layer) has no input")
        }
        if model.isHead(state.layer) {
            guard let data else { preconditionFailure("the head has no targets") }
            let loss = try model.loss(leaf, targets: data.targets, state)
            return LayerPass(input: leaf, output: loss)
        }
        return LayerPass(input: leaf, output: try model.block(leaf, state))
    }

    /// The backward pass of a layer: the gradients of its parameters, in their order, and of its
    /// input.
    ///
    /// `seed` is the gradient of its output; the loss needs none.
    func backward(
        _ state: LayerState,
        _ pass: LayerPass,
        seed: Tensor?
    ) throws -> (parameters: ArraySlice<Tensor>, input: Tensor?) {
        let leaves = (0..<state.parameterCount).map { state.leaf($0) }
        let inputs = (pass.input.map { [$0] } ?? []) + leaves
        let gradients = try pass.output.gradients(of: inputs, seed: seed)
        guard pass.input != nil else { return (gradients[...], nil) }
        return (gradients.dropFirst(), gradients[0])
    }
}
