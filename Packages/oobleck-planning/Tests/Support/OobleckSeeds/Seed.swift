/// Names a seeded case; a failure prints it, and the same seed makes the same case again.
public struct Seed: Sendable, CustomStringConvertible {
    /// The number.
    public let value: UInt64

    /// The case of this number.
    public init(value: UInt64) { self.value = value }

    /// The cases of these numbers.
    public static func range(_ values: Range<UInt64>) -> [Seed] { values.map { Seed(value: $0) } }

    /// As `seed 7`.
    public var description: String { "seed \(value)" }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The numbers of a case.
    public init(_ seed: Seed) { state = seed.value &* 0x9E37_79B9_7F4A_7C15 }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
