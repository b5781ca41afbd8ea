/// Which sample stands at each position of the endless training order: a pure function of seed,
/// epoch and position, so that any worker finds any sample without having seen the others.
///
/// Each epoch is a permutation of `0..<sampleCount`: a keyed Feistel network over the smallest
/// even number of bits that holds the count, walked until it lands inside (Black and Rogaway,
/// "Ciphers with Arbitrary Finite Domains", 2002, section 4). The domain is less than four times
/// the count, so a walk takes four turns at most on average. Cost: O(1) time, no memory.
package struct SampleOrder: Hashable, Sendable {
    package let seed: UInt64
    /// Samples of one epoch.
    package let sampleCount: Int

    private let halfBits: UInt64
    private static let rounds = 8

    package init(seed: UInt64, sampleCount: Int) {
        precondition(sampleCount > 0, "an order of \(sampleCount) samples; it needs at least one")
        self.seed = seed
        self.sampleCount = sampleCount
        let bits = Int.bitWidth - (sampleCount - 1).leadingZeroBitCount
        halfBits = UInt64(max(1, (bits + 1) / 2))
    }

    /// The sample at a position of the endless order, one epoch after the other.
    package func sampleIndex(position: Int) -> Int {
        precondition(position >= 0, "position \(position) is before the first sample")
        return sampleIndex(epoch: position / sampleCount, position: position % sampleCount)
    }

    /// The sample at a position within an epoch.
    package func sampleIndex(epoch: Int, position: Int) -> Int {
        precondition(0..<sampleCount ~= position, "position \(position) of \(sampleCount)")
        let key = Self.mix(Self.mix(seed) ^ UInt64(epoch))
        var value = UInt64(position)
        // A permutation's cycle through `position` returns to it, so the walk ends within the
        // domain's size.
        repeat { value = permute(value, key: key) } while value >= UInt64(sampleCount)
        return Int(value)
    }

    private func permute(_ value: UInt64, key: UInt64) -> UInt64 {
        let mask = (UInt64(1) << halfBits) - 1
        var left = value >> halfBits
        var right = value & mask
        for round in 1...UInt64(Self.rounds) {
            let scrambled = Self.mix(key &+ round &* 0x9E37_79B9_7F4A_7C15 ^ Self.mix(right))
            (left, right) = (right, left ^ (scrambled & mask))
        }
        return left << halfBits | right
    }

    /// SplitMix64's output function (Steele, Lea, Flood 2014).
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
