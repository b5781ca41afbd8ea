import Foundation

/// Random numbers that are a function of a seed, a stream and an index: no draw depends on how many
/// others were made before, so that all policies see the same failures.
///
/// The bits are those of SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014) over the three
/// numbers in turn.
public struct CounterRandom: Hashable, Sendable {
    private let seed: UInt64

    /// Numbers of one seed.
    public init(seed: UInt64) { self.seed = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) }

    /// 64 random bits.
    public func bits(stream: Int, index: Int) -> UInt64 {
        let first = Self.mix(seed ^ UInt64(bitPattern: Int64(stream)))
        return Self.mix(first &+ 0x9E37_79B9_7F4A_7C15 &* (UInt64(bitPattern: Int64(index)) &+ 1))
    }

    /// Uniform between 0 and 1, both excluded.
    public func uniform(stream: Int, index: Int) -> Double {
        (Double(bits(stream: stream, index: index) >> 11) + 0.5) / 9_007_199_254_740_992
    }

    /// Exponential with mean 1.
    public func exponential(stream: Int, index: Int) -> Double {
        -log(uniform(stream: stream, index: index))
    }

    /// Weibull with this shape and mean 1.
    public func weibull(shape: Double, stream: Int, index: Int) -> Double {
        pow(exponential(stream: stream, index: index), 1 / shape) / tgamma(1 + 1 / shape)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
