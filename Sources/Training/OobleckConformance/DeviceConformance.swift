import OobleckCore
import OobleckTensor

/// What every device has to compute alike, for the device that this process uses.
///
/// Our own operations are compared, bit for bit, with their definitions written out in Swift; those of
/// libtorch, whose bits depend on the device, with themselves. The same checks run on the CPU in the
/// tests and on a GPU by `oobleck-worker conformance`.
package struct DeviceConformance: Sendable {
    /// One claim about the device.
    package struct Check: Sendable {
        package let name: String
        /// Throws one line when the claim does not hold.
        package let run: @Sendable () throws -> Void
    }

    package let device: DeviceKind

    package init(_ device: DeviceKind) { self.device = device }

    package var checks: [Check] {
        let sums = SumChecks(device: device)
        let bytes = ByteChecks()
        let layers = LayerChecks()
        return [
            Check(name: "bytes are copied in and out unchanged", run: bytes.copies),
            Check(name: "digests are those of the definition", run: bytes.digests),
            Check(name: "a bit that flips changes the digest", run: bytes.flips),
            Check(name: "draws are those of the host", run: bytes.draws),
            Check(name: "sums are those of whole numbers", run: sums.sums),
            Check(name: "what exact sums cannot hold is refused", run: sums.range),
            Check(name: "means are those of the definition", run: sums.means),
            Check(name: "norms are those of the definition", run: sums.norms),
            Check(name: "an update is the same each time, and AdamW's", run: sums.updates),
            Check(name: "dropout is that of the definition, in both passes", run: layers.dropout),
            Check(name: "the embedding gives the same bits each time", run: layers.embedding),
            Check(name: "a block gives the same bits each time", run: layers.block),
            Check(name: "attention gives the same bits each time", run: layers.attention),
            Check(name: "the head gives the same bits each time", run: layers.head),
        ]
    }
}

/// Throws `message` unless `condition` holds.
func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    guard !condition else { return }
    throw OobleckError(.internalFault, message())
}

/// A small generator (Marsaglia's xorshift64), so that every device is given the same numbers.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func floats(_ count: Int, below bound: Float = 1) -> [Float] {
        (0..<count).map { _ in Float.random(in: -bound...bound, using: &self) }
    }
}
