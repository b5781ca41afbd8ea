import OobleckCore
import OobleckData
import OobleckTensor

/// The state of one layer on one worker: its parameters and the optimizer's moments.
///
/// The token embedding and the head share one matrix (tied weights). Each of the two layers holds
/// it, as a segment of its own; where one worker trains both layers, they share one segment.
package final class LayerState {
    package let layer: Int
    /// The layer's parameters but the tied one.
    package let own: ParameterSegment
    /// The tied matrix, in the embedding and in the head.
    package private(set) var tied: ParameterSegment?

    private let names: [TensorShape]

    /// Zeros for a layer.
    package init(layer: Int, model: ModelSpecification) throws {
        self.layer = layer
        names = ParameterLayout.parameters(ofLayer: layer, model: model)
        own = try ParameterSegment(names.filter { !Self.isTied($0) })
        let tiedShapes = names.filter(Self.isTied)
        tied = tiedShapes.isEmpty ? nil : try ParameterSegment(tiedShapes)
    }

    /// Uses the other layer's copy of the tied matrix, which holds the same values, from now on.
    package func shareTied(with other: LayerState) { tied = other.tied }

    private static func isTied(_ parameter: TensorShape) -> Bool {
        parameter.name == ParameterLayout.tokenEmbedding
            || parameter.name == ParameterLayout.headWeight
    }

    /// The segments, the layer's own first.
    package var segments: [ParameterSegment] { [own] + (tied.map { [$0] } ?? []) }

    /// Bytes of parameters and moments.
    package var byteCount: ByteCount { ByteCount(segments.reduce(0) { $0 + 12 * $1.count }) }

    /// All buffers, in the order in which a layer transfer sends them.
    package var buffers: [Tensor] { segments.flatMap(\.buffers) }

    /// The leaf of a parameter, by its position in ``ParameterLayout``.
    package func leaf(_ index: Int) -> Tensor { location(index).entry.leaf }

    /// Where the parameter at `index` of ``ParameterLayout`` lies.
    package func location(
        _ index: Int
    ) -> (segment: ParameterSegment, entry: ParameterSegment.Entry) {
        let parameter = names[index]
        let segment = Self.isTied(parameter) ? tied ?? own : own
        // The tied matrix has two names, one for each of its layers.
        let entry = segment.entries.first {
            $0.parameter.name == parameter.name || (Self.isTied(parameter) && segment === tied)
        }
        guard let entry else { preconditionFailure("layer \(layer) lacks \(parameter.name)") }
        return (segment, entry)
    }

    /// Number of parameters of the layer.
    package var parameterCount: Int { names.count }

    /// Calls `body` with each piece of the layer's state file, in order: for each parameter the
    /// parameter, then both moments (``StateDigest``).
    package func forEachStateTensor(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        for index in names.indices {
            let (segment, entry) = location(index)
            for buffer in segment.buffers {
                let piece = try buffer.view(
                    from: entry.offset,
                    shape: [entry.parameter.elementCount]
                )
                try piece.withBytes { try unsafe body($0) }
            }
        }
    }

    /// A fast digest of parameters and moments, to compare copies with in every step.
    package func fastDigest() throws -> UInt64 {
        try buffers.reduce(UInt64(layer)) { try $1.digest(seed: $0) }
    }

    /// Changes one bit of the first parameter, as a fault of the memory might.
    ///
    /// For tests.
    package func flipBit() {
        own.parameters.withMutableBytes { unsafe $0[2] ^= 0x10 }
    }

    /// The layer's digest as ``StateDigest`` defines it.
    package func digest() throws -> String {
        var hasher = SHA256Hasher()
        try forEachStateTensor { unsafe hasher.update($0) }
        return hasher.hexadecimal
    }
}
