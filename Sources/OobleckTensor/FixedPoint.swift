import CTorch

/// Order-free sums of gradients: integers in units of 2^-40 (`Documentation/Decisions`).
package struct FixedPointAccumulator {
    /// The sums: int64, one for each parameter element.
    package let sums: Tensor
    /// Magnitude, in units, that no single addend may reach, so that no sum can overflow.
    private let limit: Int64
    private let count: Int

    /// Zeros for `count` elements that will be summed over at most `addendCount` microbatches.
    package init(count: Int, addendCount: Int) throws {
        sums = try Tensor.zeros([count], .int64)
        self.count = count
        limit = Self.limit(addendCount)
    }

    private static func limit(_ addendCount: Int) -> Int64 {
        (Int64(1) << 62) / Int64(max(addendCount, 1))
    }

    /// Whether it is what an accumulator for these would be.
    package func fits(count: Int, addendCount: Int) -> Bool {
        self.count == count && limit == Self.limit(addendCount)
    }

    /// Makes all sums zero again.
    package func reset() throws { try sums.fill(0) }

    /// Adds a float32 gradient to the sums from `offset`.
    ///
    /// Throws, with nothing added, when a value is not finite or too large. On a CUDA device it does not
    /// wait for the answer: there ``checkRange()`` throws.
    package func add(_ gradient: Tensor, at offset: Int) throws {
        try gradient.withHandle { gradient in
            try sums.withHandle {
                try check(ct_accumulate_fixed_point(gradient, $0, Int64(offset), limit))
            }
        }
    }

    /// Throws when a value that was added on a CUDA device, to any sums, was not finite or too large.
    package func checkRange() throws {
        try sums.withHandle { try check(ct_fixed_point_check_range($0)) }
    }

    /// Sum of squares of the mean gradient, `sums * factor` in float32; the order is fixed.
    package func squaredNorm(factor: Double) throws -> Double {
        var norm = 0.0
        try sums.withHandle { try check(ct_fixed_point_squared_norm($0, factor, &norm)) }
        return norm
    }

    /// Writes the mean gradient times `clip` to `target`, float32.
    package func writeMean(factor: Double, clip: Double, to target: Tensor) throws {
        try sums.withHandle { sums in
            try target.withHandle { try check(ct_fixed_point_to_float(sums, factor, clip, $0)) }
        }
    }
}

/// The constants of one AdamW update (Loshchilov and Hutter, ICLR 2019).
package struct AdamWUpdate: Sendable {
    /// Number of this update, from one.
    package var step: Int
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var weightDecay: Double
    package var epsilon: Double

    package init(
        step: Int,
        learningRate: Double,
        beta1: Double,
        beta2: Double,
        weightDecay: Double,
        epsilon: Double
    ) {
        self.step = step
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.weightDecay = weightDecay
        self.epsilon = epsilon
    }

    /// Updates parameter and moments in place.
    package func apply(
        parameter: Tensor,
        gradient: Tensor,
        firstMoment: Tensor,
        secondMoment: Tensor
    ) throws {
        try parameter.withHandle { parameter in
            try gradient.withHandle { gradient in
                try firstMoment.withHandle { first in
                    try secondMoment.withHandle { second in
                        try check(
                            ct_adamw(
                                parameter,
                                gradient,
                                first,
                                second,
                                Int64(step),
                                learningRate,
                                beta1,
                                beta2,
                                weightDecay,
                                epsilon
                            )
                        )
                    }
                }
            }
        }
    }
}
