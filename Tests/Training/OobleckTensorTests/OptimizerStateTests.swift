import OobleckTensor
import Testing

@Suite("Optimizer state", .timeLimit(.minutes(5)))
struct OptimizerStateTests {
    private static let rule = UpdateRule.adamW(
        AdamWUpdate(
            step: 1,
            learningRate: 0.01,
            beta1: 0.9,
            beta2: 0.99,
            weightDecay: 0.1,
            epsilon: 1e-8
        )
    )

    private static func state(_ parameters: [Float]) throws -> OptimizerState {
        OptimizerState(
            parameters: try Tensor.copying(parameters, shape: [parameters.count]),
            firstMoment: try Tensor.zeros([parameters.count]),
            secondMoment: try Tensor.zeros([parameters.count])
        )
    }

    private static func sums(_ gradient: [Float]) throws -> FixedPointAccumulator {
        let sums = try FixedPointAccumulator(count: gradient.count, addendCount: 1)
        try sums.add(Tensor.copying(gradient, shape: [gradient.count]), at: 0)
        return sums
    }

    @Test("SGD does what its definition says over two steps", arguments: [false, true])
    func stochasticDescent(isNesterov: Bool) throws {
        let rule = SGDUpdate(
            learningRate: 0.1,
            momentum: 0.9,
            isNesterov: isNesterov,
            weightDecay: 0.01
        )
        let state = try Self.state([1, -2])
        var (wanted, momentum): ([Double], [Double]) = ([1, -2], [0, 0])
        for gradient: [Float] in [[0.5, 0.25], [-0.125, 0.5]] {
            _ = try state.apply(
                .sgd(rule),
                sums: try Self.sums(gradient),
                factor: 1,
                clip: 1,
                decayEnd: 1
            )
            for index in 0..<2 {
                // Weight decay is part of the gradient, of the first element only.
                let slope = Double(gradient[index]) + (index == 0 ? 0.01 * wanted[index] : 0)
                momentum[index] = 0.9 * momentum[index] + slope
                wanted[index] -=
                    0.1 * (isNesterov ? slope + 0.9 * momentum[index] : momentum[index])
            }
        }
        for (found, wanted) in zip(try state.parameters.floats(), wanted) {
            #expect(abs(Double(found) - wanted) < 1e-6)
        }
        for (found, wanted) in zip(try state.firstMoment.floats(), momentum) {
            #expect(abs(Double(found) - wanted) < 1e-6)
        }
        #expect(try state.secondMoment.floats() == [0, 0])
    }

    @Test("AdamW does what its definition says, with decay only below its end")
    func definition() throws {
        let start: [Float] = [1, -2, 0.5]
        let gradient: [Float] = [0.1, -0.2, 0.3]
        let state = try Self.state(start)
        let sums = try Self.sums(gradient)
        _ = try state.apply(Self.rule, sums: sums, factor: 1, clip: 1, decayEnd: 2)
        let result = try state.parameters.floats()
        for index in start.indices {
            // After one step the bias-corrected moments are g and g^2.
            let decay = index < 2 ? 0.01 * 0.1 : 0
            let g = Double(gradient[index])
            let expected = Double(start[index]) * (1 - decay) - 0.01 * g / (abs(g) + 1e-8)
            #expect(abs(Double(result[index]) - expected) < 1e-6)
        }
        #expect(try abs(state.firstMoment.floats()[0] - 0.01) < 1e-7)
        #expect(try sums.squaredNorm(factor: 1) == 0, "the sums are not zero after it")
    }

    /// 32,768 is where the second block begins, 4,096 where the second piece of a digest does.
    @Test(
        "an element's update does not depend on its neighbours, nor a digest on the update's blocks",
        arguments: [16, 4096, 4112, 32_768, 32_784, 100_000]
    )
    func blocks(count: Int) throws {
        let start = (0..<count).map { Float($0 % 97) * 0.03 - 1.4 }
        let gradient = (0..<count).map { Float($0 % 89) * 0.002 - 0.09 }
        let whole = try Self.state(start)
        let before = try whole.digest()
        let decayEnd = count / 32 * 16
        let digests = try whole.apply(
            Self.rule,
            sums: Self.sums(gradient),
            factor: 1,
            clip: 0.75,
            decayEnd: decayEnd
        )
        #expect(digests.before == before)
        #expect(try digests.after == whole.digest())
        var parameters: [Float] = []
        var moments: [Float] = []
        for first in stride(from: 0, to: count, by: 4096) {
            let range = first..<min(first + 4096, count)
            let part = try Self.state(Array(start[range]))
            _ = try part.apply(
                Self.rule,
                sums: Self.sums(Array(gradient[range])),
                factor: 1,
                clip: 0.75,
                decayEnd: max(0, min(decayEnd - first, range.count))
            )
            parameters += try part.parameters.floats()
            moments += try part.secondMoment.floats()
        }
        #expect(try whole.parameters.floats() == parameters)
        #expect(try whole.secondMoment.floats() == moments)
    }

    @Test("a change of any buffer changes the digest")
    func digestSeesAll() throws {
        let state = try Self.state([Float](repeating: 1, count: 5000))
        var seen: Set<UInt64> = [try state.digest()]
        for buffer in state.buffers {
            try buffer.withMutableBytes { unsafe $0[19_999] ^= 1 }
            #expect(try seen.insert(state.digest()).inserted)
        }
    }

    @Test("a state and sums of different sizes are refused")
    func refusesSizes() throws {
        let state = try Self.state([1, 2, 3])
        #expect(throws: TensorError.self) {
            let sums = try Self.sums([1, 2])
            _ = try state.apply(Self.rule, sums: sums, factor: 1, clip: 1, decayEnd: 0)
        }
    }
}
