import OobleckCore
import OobleckData
import OobleckTensor

/// Parameters that are summed, updated and copied together: one flat float32 buffer each for the
/// parameters and the two moments of AdamW.
///
/// Parameters that training leaves as they are have no buffers for moments.
///
/// Every parameter starts on a 64-byte boundary, those with weight decay stand first, and the
/// padding between them is zero for ever.
package final class ParameterSegment {
    /// Where a parameter lies in the buffers.
    package struct Entry {
        package let parameter: TensorShape
        package let offset: Int
        /// The parameter as operations use it: a leaf that shares the buffer's storage.
        package let leaf: Tensor
    }

    /// Elements of the buffers, padding included.
    package let count: Int
    /// Weight decay applies to the elements below this one.
    package let decayEnd: Int
    package let state: OptimizerState
    package let entries: [Entry]
    /// Whether no gradient changes them: training leaves them as they are, or they are statistics.
    package let isFrozen: Bool
    /// Of running statistics: how much each microbatch moves them; `nil` for parameters.
    package let momentum: Double?

    private static let alignment = 16

    /// Zeros for the given parameters.
    ///
    /// Matrices decay, vectors (biases and norms) do not.
    package init(
        _ shapes: [TensorShape],
        isFrozen: Bool = false,
        momentum: Double? = nil
    ) throws {
        let isFrozen = isFrozen || momentum != nil
        self.isFrozen = isFrozen
        self.momentum = momentum
        let decaying = shapes.filter { $0.dimensions.count > 1 }
        let others = shapes.filter { $0.dimensions.count <= 1 }
        var offsets: [Int] = []
        var end = 0
        for shape in decaying + others {
            offsets.append(end)
            end += (shape.elementCount + Self.alignment - 1) / Self.alignment * Self.alignment
        }
        count = end
        decayEnd = decaying.count < offsets.count ? offsets[decaying.count] : end
        let buffer = try Tensor.zeros([end])
        state =
            isFrozen && momentum == nil
            ? OptimizerState(still: buffer)
            : OptimizerState(
                parameters: buffer,
                firstMoment: try Tensor.zeros([end]),
                secondMoment: try Tensor.zeros([end])
            )
        entries = try zip(decaying + others, offsets).map { shape, offset in
            Entry(
                parameter: shape,
                offset: offset,
                leaf: try buffer.view(from: offset, shape: shape.dimensions)
                    .leaf(requiresGradient: !isFrozen)
            )
        }
    }

    /// Whether training leaves them as they are: they are frozen, and no statistics.
    package var isStill: Bool { !state.hasMoments }
    /// Bytes of all buffers.
    package var byteCount: Int { 4 * count * buffers.count }

    package var parameters: Tensor { state.parameters }
    package var firstMoment: Tensor { state.firstMoment }
    package var secondMoment: Tensor { state.secondMoment }

    /// The buffers in the order in which a layer transfer sends them.
    package var buffers: [Tensor] { state.buffers }
}
