import OobleckCore
import OobleckTensor

/// Checks of what layers are made of: dropout against its definition, the rest against itself.
struct LayerChecks: Sendable {
    private static let repetitions = 5
    private static let hidden = 256
    private static let heads = 8
    private static let vocabulary = 1024
    private static let shape = [4, 128]

    private static var defaultScale: Double { 1 / Double(hidden / heads).squareRoot() }

    /// Which elements a mask keeps, by the hash that documentation defines.
    private func keeps(_ index: Int, key: UInt64, probability: Double) -> Bool {
        let (low, high) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        var hash = (UInt32(truncatingIfNeeded: index) &+ low) &* 0x9E37_79B1
        hash = (hash ^ hash >> 15) &* 0x85EB_CA6B
        hash = (hash ^ hash >> 13 ^ high) &* 0xC2B2_AE35
        hash ^= hash >> 16
        return hash >= UInt32(probability * 0x1p32)
    }

    private func key(seed: UInt64, use: UInt64) -> UInt64 {
        func mixed(_ value: UInt64) -> UInt64 {
            var value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }
        return mixed(mixed(seed &+ 0x9E37_79B9_7F4A_7C15) &+ use)
    }

    func dropout() throws {
        let (count, probability) = (70_001, 0.25)
        var numbers = SeededNumbers(8)
        let values = numbers.floats(count)
        let input = try Tensor.copying(values, shape: [count]).leaf(requiresGradient: true)
        try TensorRuntime.seedDropout(123)
        let scale = Float(1 / (1 - probability))
        for use in 1...2 {
            let output = try input.dropout(probability)
            let key = key(seed: 123, use: UInt64(use))
            let mask = (0..<count).map { keeps($0, key: key, probability: probability) }
            let expected = zip(values, mask).map { $1 ? $0 * scale : 0 }
            try require(try output.floats() == expected, "mask \(use) is another")
            let seed = try Tensor.copying(values, shape: [count])
            let gradient = try output.gradients(of: [input], seed: seed)[0]
            try require(try gradient.floats() == expected, "mask \(use) is another backward")
        }
    }

    /// Throws unless `body` gives the same bits each time.
    private func requireSame(_ body: () throws -> [Tensor]) throws {
        func digests() throws -> [UInt64] { try body().map { try $0.contiguous().digest(seed: 1) } }
        let first = try digests()
        for repetition in 1..<Self.repetitions {
            let others = try digests()
            let places = zip(first, others).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
            try require(places.isEmpty, "results \(places) differ at repetition \(repetition)")
        }
    }

    private func leaf(_ shape: [Int], deviation: Double, seed: UInt64) throws -> Tensor {
        let tensor = try Tensor.empty(shape)
        try tensor.fillNormal(deviation: deviation, seed: seed)
        return try tensor.leaf(requiresGradient: true)
    }

    private func tokens() throws -> Tensor {
        let count = Self.shape.reduce(1, *)
        // Few distinct ones, so that many rows of a gradient are added up.
        return try Tensor.copying((0..<count).map { Int64($0 * 31 % 97) }, shape: Self.shape)
    }

    func embedding() throws {
        let weight = try leaf([Self.vocabulary, Self.hidden], deviation: 0.02, seed: 1)
        let seed = try leaf(Self.shape + [Self.hidden], deviation: 0.01, seed: 2)
        try requireSame {
            let output = try weight.rows(at: tokens())
            return [output] + (try output.gradients(of: [weight], seed: seed))
        }
    }

    func block() throws {
        let (hidden, inner) = (Self.hidden, 4 * Self.hidden)
        let input = try leaf(Self.shape + [hidden], deviation: 1, seed: 3)
        let seed = try leaf(Self.shape + [hidden], deviation: 0.01, seed: 4)
        let shapes = [[hidden], [hidden], [hidden, inner], [inner], [inner, hidden], [hidden]]
        let leaves = try shapes.enumerated().map { index, shape in
            try leaf(shape, deviation: 0.05, seed: UInt64(10 + index))
        }
        try requireSame {
            let normal = try input.layerNorm(weight: leaves[0], bias: leaves[1], epsilon: 1e-5)
            let inside = try normal.affine(weight: leaves[2], bias: leaves[3])
            let output = try inside.activated(by: .tanhGELU)
                .affine(weight: leaves[4], bias: leaves[5]).adding(input)
            return [output] + (try output.gradients(of: [input] + leaves, seed: seed))
        }
    }

    func attention() throws {
        let input = try leaf(Self.shape + [3 * Self.hidden], deviation: 1, seed: 5)
        let seed = try leaf(Self.shape + [Self.hidden], deviation: 0.01, seed: 6)
        for dropout in [0, 0.1] {
            try requireSame {
                try TensorRuntime.seedDropout(5)
                let output = try input.causalAttention(
                    heads: Self.heads,
                    scale: Self.defaultScale,
                    dropout: dropout
                )
                return [output] + (try output.gradients(of: [input], seed: seed))
            }
        }
    }

    func head() throws {
        let input = try leaf(Self.shape + [Self.hidden], deviation: 1, seed: 7)
        let weight = try leaf([Self.vocabulary, Self.hidden], deviation: 0.02, seed: 8)
        try requireSame {
            let loss = try input.projected(by: weight).crossEntropy(targets: tokens())
            return [loss] + (try loss.gradients(of: [input, weight], seed: nil))
        }
    }
}
