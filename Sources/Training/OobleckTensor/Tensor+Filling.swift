import CTorch
import OobleckCore

/// Values of whole tensors. Draws are a pure function of the arguments and the shape, on whatever
/// thread.
extension Tensor {
    /// Fills with one value.
    package func fill(_ value: Double) throws {
        try withHandle { try check(ct_tensor_fill($0, value)) }
    }

    /// Fills with draws from a normal distribution.
    package func fillNormal(mean: Double = 0, deviation: Double, seed: UInt64) throws {
        try withHandle { try check(ct_tensor_fill_normal($0, mean, deviation, seed)) }
    }

    /// Fills with draws from a normal distribution of which only `range` is left.
    package func fillTruncatedNormal(
        mean: Double,
        deviation: Double,
        range: ClosedRange<Double>,
        seed: UInt64
    ) throws {
        try withHandle { handle in
            try check(
                ct_tensor_fill_truncated_normal(
                    handle,
                    mean,
                    deviation,
                    range.lowerBound,
                    range.upperBound,
                    seed
                )
            )
        }
    }

    /// Fills with even draws from `range`.
    package func fillUniform(_ range: ClosedRange<Double>, seed: UInt64) throws {
        try withHandle {
            try check(ct_tensor_fill_uniform($0, range.lowerBound, range.upperBound, seed))
        }
    }
}

extension ElementType {
    /// The type of a tensor that goes into a layer or comes out of it.
    package init(_ kind: ElementKind) {
        self =
            switch kind {
            case .float32: .float32
            case .int64: .int64
            case .int32: .int32
            case .uint8: .uint8
            case .boolean: .boolean
            }
    }
}
