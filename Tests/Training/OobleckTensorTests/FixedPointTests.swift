import OobleckTensor
import Testing

/// A small generator, so that a failing case can be run again by its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite("Exact gradient sums", .timeLimit(.minutes(5)))
struct FixedPointTests {
    private func sums(_ accumulator: FixedPointAccumulator) throws -> [Int64] {
        try accumulator.sums.withBytes { Array($0.bindMemory(to: Int64.self)) }
    }

    private func gradients(seed: UInt64, count: Int, scale: Float) -> [[Float]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<6).map { _ in
            (0..<count).map { _ in
                Float.random(in: -1...1, using: &generator) * scale
                    * Float.random(in: 0...1, using: &generator)
            }
        }
    }

    @Test(
        "sums are the same integers in every order, and those of a direct computation",
        arguments: 0..<40
    )
    func orderFree(seed: Int) throws {
        let count = 1 + seed * 137
        let scale: Float = seed % 3 == 0 ? 1e-6 : seed % 3 == 1 ? 1 : 1e4
        let addends = gradients(seed: UInt64(seed), count: count, scale: scale)
        let forward = try FixedPointAccumulator(count: count, addendCount: 6)
        for addend in addends { try forward.add(Tensor.copying(addend, shape: [count]), at: 0) }
        let backward = try FixedPointAccumulator(count: count, addendCount: 6)
        for addend in addends.reversed() {
            try backward.add(Tensor.copying(addend, shape: [count]), at: 0)
        }
        let expected = (0..<count).map { index in
            addends.reduce(Int64(0)) { sum, addend in
                let scaled = Double(addend[index]) * 0x1p40
                return sum + Int64(scaled.rounded(.toNearestOrEven))
            }
        }
        #expect(try sums(forward) == expected, "seed \(seed)")
        #expect(try sums(backward) == expected, "seed \(seed)")
    }

    @Test("sums are used again only in place of the same ones")
    func fits() throws {
        let accumulator = try FixedPointAccumulator(count: 3, addendCount: 4)
        #expect(accumulator.fits(count: 3, addendCount: 4))
        #expect(!accumulator.fits(count: 3, addendCount: 5))
        #expect(!accumulator.fits(count: 2, addendCount: 4))
    }

    @Test(
        "a value that is not finite or too large is refused and nothing is added",
        arguments: [Float.nan, .infinity, -.infinity, 0x1p22, -0x1p30]
    )
    func refusesBadValues(value: Float) throws {
        let accumulator = try FixedPointAccumulator(count: 3, addendCount: 2)
        #expect(throws: TensorError.self) {
            try accumulator.add(Tensor.copying([1, value, 2], shape: [3]), at: 0)
        }
        #expect(try sums(accumulator) == [0, 0, 0])
    }

    @Test("the largest values allowed cannot overflow the sum")
    func largestValues() throws {
        let accumulator = try FixedPointAccumulator(count: 1, addendCount: 4)
        let value = Float(0x1p20).nextDown
        for _ in 0..<4 { try accumulator.add(Tensor.copying([value], shape: [1]), at: 0) }
        #expect(try sums(accumulator) == [4 * Int64(Double(value) * 0x1p40)])
    }

    @Test("mean, clipping and norm agree with float arithmetic to rounding")
    func meanAndNorm() throws {
        let accumulator = try FixedPointAccumulator(count: 11, addendCount: 2)
        let values = (0..<11).map { Float($0) * 0.25 - 1 }
        for _ in 0..<2 { try accumulator.add(Tensor.copying(values, shape: [11]), at: 0) }
        let mean = try Tensor.zeros([11])
        try accumulator.writeMean(factor: 0.5, clip: 0.5, to: mean)
        #expect(try mean.floats() == values.map { $0 * 0.5 })
        let norm = try accumulator.squaredNorm(factor: 0.5)
        let expected = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(norm - expected) < 1e-12 * expected)
    }

    @Test("a gradient that does not fit the accumulator is refused")
    func refusesOverrun() throws {
        let accumulator = try FixedPointAccumulator(count: 4, addendCount: 1)
        #expect(throws: TensorError.self) {
            try accumulator.add(Tensor.zeros([3]), at: 2)
        }
    }
}

@Suite("Dropout", .timeLimit(.minutes(5)))
struct DropoutTests {
    private let count = 200_000

    private func mask(seed: UInt64, uses: Int = 1) throws -> [Float] {
        try TensorRuntime.seedDropout(seed)
        let ones = try Tensor.copying([Float](repeating: 1, count: count), shape: [count])
        var result = ones
        for _ in 0..<uses { result = try ones.dropout(0.25) }
        return try result.floats()
    }

    @Test("the share of zeros is the probability and the rest is scaled")
    func share() throws {
        let values = try mask(seed: 3)
        let zeros = values.count { $0 == 0 }
        // Five standard deviations of a binomial count: sqrt(200000 * 0.25 * 0.75) = 194.
        #expect(abs(zeros - count / 4) < 970)
        #expect(values.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
        // Neighbours are independent: pairs of zeros are as frequent as they should be.
        let pairs = zip(values, values.dropFirst()).count { $0 == 0 && $1 == 0 }
        #expect(abs(pairs - count / 16) < 700)
    }

    @Test("a seed gives one mask, and another seed or a second use another")
    func seeds() throws {
        let first = try mask(seed: 3)
        #expect(try mask(seed: 3) == first)
        #expect(try mask(seed: 4) != first)
        #expect(try mask(seed: 3, uses: 2) != first)
    }

    @Test("the gradient goes through the mask of the forward pass")
    func gradient() throws {
        try TensorRuntime.seedDropout(9)
        let input = try Tensor.copying([Float](repeating: 2, count: count), shape: [count])
            .leaf(requiresGradient: true)
        let output = try input.dropout(0.25)
        let ones = try Tensor.copying([Float](repeating: 1, count: count), shape: [count])
        let gradient = try output.gradients(of: [input], seed: ones)[0].floats()
        #expect(try output.floats() == gradient.map { 2 * $0 })
    }
}
