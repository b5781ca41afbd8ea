import Foundation
import OobleckTensor
import Testing

/// Attention with dropout has a path of its own on the CPU, which no other library computes with
/// our masks: the mask is read off a dropout of ones and the rest is done again in doubles.
@Suite("Attention with keyed dropout", .serialized, .timeLimit(.minutes(5)))
struct AttentionDropoutTests {
    private static let batch = 2
    private static let sequence = 5
    private static let heads = 2
    private static let width = 3
    private static var hidden: Int { heads * width }

    private func random(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    /// Softmax attention in doubles, with weights multiplied by `mask`
    /// `[batch, heads, sequence, sequence]`.
    private func reference(_ input: [Double], mask: [Float]) -> [Double] {
        let (sequence, heads, width, hidden) = (Self.sequence, Self.heads, Self.width, Self.hidden)
        var output = [Double](repeating: 0, count: Self.batch * sequence * hidden)
        func at(_ sample: Int, _ position: Int, _ part: Int, _ head: Int, _ index: Int) -> Double {
            input[
                (sample * sequence + position) * 3 * hidden + part * hidden + head * width + index
            ]
        }
        for sample in 0..<Self.batch {
            for head in 0..<heads {
                for row in 0..<sequence {
                    let scores = (0...row).map { column in
                        (0..<width).reduce(0.0) { sum, index in
                            sum + at(sample, row, 0, head, index)
                                * at(sample, column, 1, head, index)
                        } / Double(width).squareRoot()
                    }
                    let total = scores.reduce(0) { $0 + exp($1) }
                    for (column, score) in scores.enumerated() {
                        let place = ((sample * heads + head) * sequence + row) * sequence + column
                        let weight = exp(score) / total * Double(mask[place])
                        for index in 0..<width {
                            output[(sample * sequence + row) * hidden + head * width + index] +=
                                weight * at(sample, column, 2, head, index)
                        }
                    }
                }
            }
        }
        return output
    }

    private func mask(seed: UInt64, probability: Double) throws -> [Float] {
        try TensorRuntime.seedDropout(seed)
        let shape = [Self.batch, Self.heads, Self.sequence, Self.sequence]
        let ones = [Float](repeating: 1, count: shape.reduce(1, *))
        return try Tensor.copying(ones, shape: shape).dropout(probability).floats()
    }

    @Test(
        "attention with dropout is softmax attention with masked weights, and so are its gradients",
        arguments: 1..<7
    )
    func attention(seed: Int) throws {
        let probability = Double(seed) / 10
        let count = Self.batch * Self.sequence * 3 * Self.hidden
        let values = random(count, seed: UInt64(seed))
        let mask = try mask(seed: UInt64(seed), probability: probability)
        #expect(mask.contains(0) && mask.contains { $0 > 0 }, "the mask keeps some and drops some")

        let shape = [Self.batch, Self.sequence, 3 * Self.hidden]
        let input = try Tensor.copying(values, shape: shape).leaf(requiresGradient: true)
        try TensorRuntime.seedDropout(UInt64(seed))
        let output = try input.causalAttention(
            heads: Self.heads,
            scale: 1 / Double(Self.width).squareRoot(),
            dropout: probability
        )
        let doubles = values.map(Double.init)
        let expected = reference(doubles, mask: mask)
        for (found, right) in zip(try output.floats(), expected) {
            #expect(abs(Double(found) - right) < 1e-5)  // Float32 rounding of sums of five terms.
        }

        let direction = random(output.count, seed: UInt64(seed) + 100)
        let gradientSeed = try Tensor.copying(
            direction,
            shape: [Self.batch, Self.sequence, Self.hidden]
        )
        let gradient = try output.gradients(of: [input], seed: gradientSeed)[0].floats()
        for index in stride(from: 0, to: count, by: 7) {
            let step = 1e-5
            let ends = [step, -step].map { offset in
                var moved = doubles
                moved[index] += offset
                return zip(reference(moved, mask: mask), direction).reduce(0.0) {
                    $0 + $1.0 * Double($1.1)
                }
            }
            let slope = (ends[0] - ends[1]) / (2 * step)
            // Central differences err by about 1e-9 here, float32 by about 1e-6.
            #expect(abs(Double(gradient[index]) - slope) < 2e-5, "element \(index)")
        }
    }

    @Test("masks of other seeds and of later uses agree in half of their elements, as if drawn")
    func keys() throws {
        let count = 100_000
        let ones = try Tensor.copying([Float](repeating: 1, count: count), shape: [count])
        func masks(_ seed: UInt64) throws -> [[Float]] {
            try TensorRuntime.seedDropout(seed)
            return try (0..<2).map { _ in try ones.dropout(0.5).floats() }
        }
        let all = try masks(1) + masks(2)
        for left in all.indices {
            for right in all.indices where right > left {
                let agreeing = zip(all[left], all[right]).count { $0 == $1 }
                // Six standard deviations of a fair coin.
                #expect(abs(agreeing - count / 2) < 950, "masks \(left) and \(right)")
            }
        }
    }
}
