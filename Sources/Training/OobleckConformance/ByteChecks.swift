import OobleckCore
import OobleckTensor

/// Checks of copies, digests and initial draws.
struct ByteChecks: Sendable {
    /// Elements around the sizes where a digest takes another path: a word, a block, a piece, pieces of
    /// pieces.
    private static let counts = [
        1, 2, 3, 15, 16, 17, 4095, 4096, 4097, 100_003, 8 * 1024 * 1024 + 5,
    ]

    func copies() throws {
        var numbers = SeededNumbers(1)
        for count in [1, 1000, 70_001] {
            let values = numbers.floats(count)
            let tensor = try Tensor.copying(values, shape: [count])
            try require(try tensor.floats() == values, "\(count) numbers came back changed")
            try tensor.withMutableBytes { bytes in
                unsafe bytes.storeBytes(of: 7, toByteOffset: 4 * (count - 1), as: Float.self)
            }
            let expected = Array(values.dropLast()) + [7]
            try require(try tensor.floats() == expected, "a number written was not kept")
        }
    }

    func digests() throws {
        var numbers = SeededNumbers(2)
        for count in Self.counts {
            let values = numbers.floats(count)
            let digest = try Tensor.copying(values, shape: [count]).digest(seed: 9)
            let expected = values.withUnsafeBytes { unsafe DefinedDigest.of($0, seed: 9) }
            try require(digest == expected, "of \(count) numbers: \(digest), not \(expected)")
        }
    }

    func flips() throws {
        var numbers = SeededNumbers(3)
        let count = 50_000
        let tensor = try Tensor.copying(numbers.floats(count), shape: [count])
        let before = try tensor.digest(seed: 1)
        for _ in 0..<20 {
            let (byte, bit) = (Int.random(in: 0..<4 * count, using: &numbers), UInt8(1 << 3))
            try tensor.withMutableBytes { unsafe $0[byte] ^= bit }
            try require(try tensor.digest(seed: 1) != before, "byte \(byte) changed unnoticed")
            try tensor.withMutableBytes { unsafe $0[byte] ^= bit }
        }
        try require(try tensor.digest(seed: 1) == before, "the same bytes have another digest")
    }

    func draws() throws {
        let count = 10_007
        let here = try Tensor.empty([count])
        let host = try Tensor.empty([count], at: .host)
        try here.fillNormal(deviation: 0.02, seed: 77)
        try host.fillNormal(deviation: 0.02, seed: 77)
        try require(try here.floats() == host.floats(), "initial weights would be others")
    }
}

/// The fast digest as its documentation defines it, without regard to speed.
enum DefinedDigest {
    private static let first: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let second: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let pieceBytes = 1 << 14

    private static func mixed(_ value: UInt64, _ word: UInt64) -> UInt64 {
        let product = (value ^ word) &* first
        return product << 29 | product >> 35
    }

    private static func ofPiece(_ bytes: ArraySlice<UInt8>, seed: UInt64) -> UInt64 {
        let words = stride(from: bytes.startIndex, to: bytes.endIndex, by: 8).map { start in
            bytes[start..<min(start + 8, bytes.endIndex)].reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
        }
        let lanes = (0..<8).map { lane in
            stride(from: lane, to: words.count, by: 8)
                .reduce(seed &+ second &* UInt64(lane + 1)) { mixed($0, words[$1]) }
        }
        var total = lanes.reduce(mixed(seed, UInt64(bytes.count)), mixed)
        total ^= total >> 32
        total = total &* second
        return total ^ total >> 29
    }

    static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var bytes = unsafe Array(bytes)
        while bytes.count > pieceBytes {
            let digests = stride(from: 0, to: bytes.count, by: pieceBytes).map { start in
                ofPiece(bytes[start..<min(start + pieceBytes, bytes.count)], seed: seed)
            }
            bytes = digests.flatMap { digest in (0..<8).map { UInt8(digest >> ($0 * 8) & 255) } }
        }
        return ofPiece(bytes[...], seed: seed)
    }
}
