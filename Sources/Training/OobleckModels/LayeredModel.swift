import OobleckCore
import OobleckTensor

/// A model as the engine trains it: a list of layers, each of which computes by itself.
///
/// The results of a layer depend only on its parameters, its inputs, its part of the microbatch,
/// and (seed, step, microbatch, layer). So they have the same bits in every pipeline.
package protocol LayeredModel {
    var layerCount: Int { get }

    /// All tensors of a microbatch that some layer takes.
    var batch: [ImportManifest.BatchTensor] { get }

    /// Names of what a layer takes of the microbatch.
    func batchNames(ofLayer layer: Int) -> [String]

    /// The tensors that the layer before sends to `layer`, with `samples` samples; none for layer 0.
    func received(byLayer layer: Int, samples: Int) -> [TensorDescription]

    /// Samples that are enough to try a layer's arithmetic with, at most a microbatch.
    func trialSamples(microbatch: Int) -> Int

    func name(ofLayer layer: Int) -> String

    /// Frees the resources of layers that are no longer held.
    func keepOnly(_ held: Set<Int>)

    /// The first of the layers that compute like this one.
    func representative(ofLayer layer: Int) -> Int

    /// Whether the masks of dropout may decide anything.
    var hasDropout: Bool { get }

    /// What the gradient of the loss is seeded with; `nil` is 1.
    ///
    /// A power of two, so that it changes no digit of a gradient.
    var lossScale: Double? { get }

    /// Gives a layer's parameters their first values: a pure function of seed and layer.
    func initialize(_ state: LayerState, seed: UInt64) throws

    /// Logits `[samples, sequence, vocabulary]` of the last layer, for models that continue a text.
    func logits(_ state: LayerState, received: [Tensor], batch: [String: Tensor]) throws -> Tensor?

    /// The forward pass of a layer on what it receives.
    ///
    /// `received` are leaves, `batch` has the tensors of ``batchNames(ofLayer:)``.
    func forward(
        _ state: LayerState,
        received: [Tensor],
        batch: [String: Tensor]
    ) throws -> LayerOutput
}

extension LayeredModel {
    package func keepOnly(_ held: Set<Int>) {}

    /// Layers of which each stands for all that compute like it.
    package var distinctLayers: [Int] {
        (0..<layerCount).filter { representative(ofLayer: $0) == $0 }
    }
}

/// What a layer's forward pass gives.
package struct LayerOutput {
    /// What the next layer receives; of the last layer, the loss.
    package let tensors: [Tensor]
    /// Of the last layer of a model whose loss is a sum: the number of its targets that count.
    package let targetCount: Tensor?
    /// Of the last layer: what the model gives beside the loss, such as logits.
    package let further: [Tensor]
    /// What the microbatch has of each of the layer's running statistics, in their order.
    package let statistics: [Tensor]

    package init(
        tensors: [Tensor],
        targetCount: Tensor? = nil,
        further: [Tensor] = [],
        statistics: [Tensor] = []
    ) {
        self.statistics = statistics
        self.tensors = tensors
        self.targetCount = targetCount
        self.further = further
    }
}
