import OobleckCore
import OobleckData
import OobleckTensor

extension GPT2: LayeredModel {
    private enum Name {
        static let inputs = "inputs"
        static let targets = "targets"
    }

    /// Numbers of the largest tensor between two layers, or in the head, with which whole microbatches
    /// are tried.
    private static let mostActivations = 16 << 20

    package var batch: [ImportManifest.BatchTensor] {
        let shape = [1, specification.sequenceLength]
        return [
            ImportManifest.BatchTensor(Name.inputs, shape, .int64, .tokens),
            ImportManifest.BatchTensor(Name.targets, shape, .int64, .nextTokens),
        ]
    }

    package func batchNames(ofLayer layer: Int) -> [String] {
        layer == 0 ? [Name.inputs] : isHead(layer) ? [Name.targets] : []
    }

    package func received(byLayer layer: Int, samples: Int) -> [TensorDescription] {
        guard layer > 0 else { return [] }
        let shape = [samples, specification.sequenceLength, specification.hidden]
        return [TensorDescription("hidden", shape)]
    }

    package func trialSamples(microbatch: Int) -> Int {
        let sequence = specification.sequenceLength
        let width = max(
            specification.vocabulary,
            specification.innerSize,
            sequence * specification.heads
        )
        let numbers = Double(microbatch) * Double(sequence) * Double(width)
        return numbers <= Double(Self.mostActivations) ? microbatch : 1
    }

    package func name(ofLayer layer: Int) -> String {
        layer == 0 ? "embedding" : isHead(layer) ? "head" : "block\(layer - 1)"
    }

    /// Blocks are alike, unless their attention is scaled by their number.
    package func representative(ofLayer layer: Int) -> Int {
        let isBlock = layer > 0 && !isHead(layer)
        return isBlock && !specification.variant.scalesAttentionByBlock ? 1 : layer
    }

    package var hasDropout: Bool { specification.dropout > 0 }

    package var lossScale: Double? { nil }

    package func logits(
        _ state: LayerState,
        received: [Tensor],
        batch: [String: Tensor]
    ) throws -> Tensor? {
        try logits(received[0], state)
    }

    package func forward(
        _ state: LayerState,
        received: [Tensor],
        batch: [String: Tensor]
    ) throws -> LayerOutput {
        if state.layer == 0 {
            guard let tokens = batch[Name.inputs] else { preconditionFailure("no tokens") }
            return LayerOutput(tensors: [try embed(tokens, state)])
        }
        precondition(received.count == 1, "layer \(state.layer) got \(received.count) inputs")
        guard isHead(state.layer) else {
            return LayerOutput(tensors: [try block(received[0], state)])
        }
        guard let targets = batch[Name.targets] else { preconditionFailure("no targets") }
        return LayerOutput(tensors: [try loss(received[0], targets: targets, state)])
    }
}
