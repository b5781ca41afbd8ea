import OobleckCore
import OobleckTensor

/// Checks of exact sums, norms and updates.
struct SumChecks: Sendable {
    /// Elements whose squares a CUDA device sums before it adds to the sum of the others; the CPU has
    /// one piece.
    private static let normPiece = 4096
    private static let counts = [1, 7, 8, 9, 4095, 4096, 4097, 300_001]

    let device: DeviceKind

    /// Floats of every magnitude below 2^19, those too small for full precision among them.
    private func anyFloats(_ count: Int, _ numbers: inout SeededNumbers) -> [Float] {
        (0..<count).map { _ in
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: numbers.next()))
            return value.isFinite && value.magnitude < 0x1p19 ? value : 0.25
        }
    }

    private func integers(_ accumulator: FixedPointAccumulator) throws -> [Int64] {
        try accumulator.sums.withBytes { unsafe Array($0.bindMemory(to: Int64.self)) }
    }

    private func accumulator(
        _ addends: [[Float]]
    ) throws -> (accumulator: FixedPointAccumulator, expected: [Int64]) {
        let count = addends[0].count
        let accumulator = try FixedPointAccumulator(count: count + 16, addendCount: 8)
        var expected = [Int64](repeating: 0, count: count + 16)
        for addend in addends {
            try accumulator.add(Tensor.copying(addend, shape: [count]), at: 16)
            for (index, value) in addend.enumerated() {
                expected[16 + index] += Int64((Double(value) * 0x1p40).rounded(.toNearestOrEven))
            }
        }
        try require(try FixedPointAccumulator.takeMarks().isEmpty, "sums in range are out of range")
        return (accumulator, expected)
    }

    func sums() throws {
        var numbers = SeededNumbers(4)
        for count in Self.counts {
            let addends = (0..<3).map { _ in anyFloats(count, &numbers) }
            let (accumulator, expected) = try accumulator(addends)
            try require(try integers(accumulator) == expected, "\(count) sums are other integers")
        }
    }

    func range() throws {
        for bad in [Float.nan, .infinity, -.infinity, 0x1p22] {
            var values = [Float](repeating: 0.5, count: 5000)
            values[4321] = bad
            let accumulator = try FixedPointAccumulator(count: 5000, addendCount: 1)
            var isRefused = false
            do {
                try accumulator.add(Tensor.copying(values, shape: [5000]), at: 0, mark: 77)
                let marks = try FixedPointAccumulator.takeMarks()
                isRefused = marks == [77]
            } catch let error as TensorError where error.code == .outOfRange {
                isRefused = true
            }
            try require(isRefused, "\(bad) was added")
            values[4321] = 0.5
            try accumulator.add(Tensor.copying(values, shape: [5000]), at: 0)
            try require(try FixedPointAccumulator.takeMarks().isEmpty, "\(bad) is still marked")
        }
    }

    func means() throws {
        var numbers = SeededNumbers(5)
        for count in Self.counts {
            let (accumulator, sums) = try accumulator([anyFloats(count, &numbers)])
            let target = try Tensor.empty([sums.count])
            let (factor, clip) = (1.0 / 3, 0.7390851)
            try accumulator.writeMean(factor: factor, clip: clip, to: target)
            let scale = factor / 0x1p40
            let expected = sums.map { Float(Double($0) * scale) * Float(clip) }
            try require(try target.floats() == expected, "\(count) means have other bits")
        }
    }

    func norms() throws {
        var numbers = SeededNumbers(6)
        for count in Self.counts {
            let (accumulator, sums) = try accumulator([numbers.floats(count, below: 0.01)])
            let scale = 1.0 / 4 / 0x1p40
            let piece = device == .cpu ? sums.count : Self.normPiece
            let pieces = stride(from: 0, to: sums.count, by: piece).map { start in
                let lanes = (0..<8).map { lane in
                    stride(from: start + lane, to: min(start + piece, sums.count), by: 8)
                        .reduce(0.0) { sum, index in
                            let value = Double(Float(Double(sums[index]) * scale))
                            return sum + value * value
                        }
                }
                return lanes.reduce(0, +)
            }
            let norm = try accumulator.squaredNorm(factor: 1.0 / 4)
            try require(norm == pieces.reduce(0, +), "of \(count) sums: \(norm) has other bits")
        }
    }

    /// The update is libtorch's own, with the last bits of the device's kernel.
    func updates() throws {
        var numbers = SeededNumbers(7)
        let count = 100_000
        let (weights, slopes) = (numbers.floats(count), numbers.floats(count, below: 0.1))
        let rule = AdamWUpdate(
            step: 3,
            learningRate: 1e-2,
            beta1: 0.9,
            beta2: 0.95,
            weightDecay: 0.1,
            epsilon: 1e-8
        )
        func updated(at place: Place) throws -> [Float] {
            let state = OptimizerState(
                parameters: try Tensor.copying(weights, shape: [count], at: place),
                firstMoment: try Tensor.zeros([count], at: place),
                secondMoment: try Tensor.zeros([count], at: place)
            )
            let sums = try FixedPointAccumulator(count: count, addendCount: 1, at: place)
            try sums.add(try Tensor.copying(slopes, shape: [count], at: place), at: 0)
            let digests = try state.apply(
                .adamW(rule),
                sums: sums,
                factor: 1,
                clip: 1,
                decayEnd: count / 2
            )
            let after = try state.digest()
            try require(digests.before != digests.after, "an update left the digest as it was")
            try require(digests.after == after, "the digest of an update is another state's")
            let squares = try sums.squaredNorm(factor: 1)
            try require(squares == 0, "sums are \(squares) after an update, not zero")
            return try state.buffers.flatMap { try $0.floats() }
        }
        let here = try updated(at: .device)
        try require(try updated(at: .device) == here, "the same update has other bits")
        for (index, (value, host)) in zip(here, try updated(at: .host)).enumerated() {
            // A few roundings of the larger of the weight and what it moves by.
            let tolerance = 1e-6 * max(value.magnitude, 1e-2)
            let message = "element \(index) is \(value), the host's is \(host)"
            try require((value - host).magnitude <= tolerance, message)
        }
    }
}
