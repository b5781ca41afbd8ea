import CTorch

/// Order-free sums of gradients: integers in units of 2^-40 (`Documentation/Decisions`).
package struct FixedPointAccumulator {
    /// The sums: int64, one for each parameter element.
    package let sums: Tensor
    /// Magnitude, in units, that no single addend may reach, so that no sum can overflow.
    private let limit: Int64
    private let count: Int

    /// Zeros for `count` elements that will be summed over at most `addendCount` microbatches.
    package init(count: Int, addendCount: Int, at place: Place = .device) throws {
        sums = try Tensor.zeros([count], .int64, at: place)
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

    /// Adds a float32 gradient to the sums from `offset`.
    ///
    /// Throws, with nothing added, when a value is not finite or too large. A CUDA device does not wait
    /// for the answer: it adds the other values, and ``takeMarks()`` has `mark`.
    package func add(_ gradient: Tensor, at offset: Int, mark: Int = 0) throws {
        let (offset, mark) = (Int64(offset), Int32(mark))
        try gradient.withHandle { gradient in
            try sums.withHandle { sums in
                try check(ct_accumulate_fixed_point(gradient, sums, offset, limit, mark))
            }
        }
    }

    /// The marks under which values were to be added, on a CUDA device and since the last call, that were
    /// not finite or too large.
    ///
    /// Waits for the device; on the CPU there are none.
    package static func takeMarks() throws -> Set<Int> {
        guard TensorRuntime.isAsynchronous else { return [] }
        var marks = [Int32](repeating: 0, count: 1 << 14)
        var count: Int32 = 0
        try check(ct_fixed_point_take_marks(&marks, Int32(marks.count), &count))
        return Set(marks.prefix(Int(count)).map { Int($0) })
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
