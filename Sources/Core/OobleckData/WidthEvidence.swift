/// What numbers of 16 bits look like: such ids, wider ones, or text.
struct WidthEvidence {
    /// The least size in bytes of a file that is tested for another width or for text.
    private static let leastBytes = 16
    private static let leastTextBytes = 64

    private let tokens: TokenSequence
    private let byteCount: Int
    private var encoding: UTF8Check
    private var isText: Bool
    /// The greatest of the 16-bit numbers at each of the four places of a 64-bit number.
    private var greatest: SIMD4<UInt16> = [0, 0, 0, 0]

    init(_ tokens: TokenSequence) {
        self.tokens = tokens
        byteCount = 2 * tokens.count
        encoding = UTF8Check(tokens)
        isText = byteCount >= Self.leastTextBytes
    }

    /// Adds the next piece, which begins at the first place of a 64-bit number.
    mutating func add(_ range: Range<Int>) {
        precondition(range.lowerBound.isMultiple(of: 4), "a piece begins at \(range.lowerBound)")
        tokens.withBytes(of: range) { bytes in
            for index in 0..<bytes.count / 8 {
                let four = bytes.loadUnaligned(
                    fromByteOffset: index &* 8,
                    as: SIMD4<UInt16>.self
                )
                greatest = pointwiseMax(greatest, four)
            }
        }
        for (place, number) in tokens.numbers(range.upperBound / 4 * 4..<range.upperBound)
            .enumerated()
        {
            greatest[place] = max(greatest[place], UInt16(number))
        }
        if isText {
            isText =
                tokens.withBytes(of: range, Self.isPrintable)
                && encoding.firstInvalid(before: 2 * range.upperBound) == nil
        }
    }

    /// What all of them are by appearance; `nil` is ids of 16 bits.
    var appearance: TokenSummary.Appearance? { isText ? .text : widerUnit }

    /// The numbers that these really are, by the places that hold zeros or next to nothing in the
    /// whole file.
    ///
    /// Ids of 16 bits have that only by design. Where all numbers are small, as of a vocabulary of 4,
    /// nothing can be said.
    private var widerUnit: TokenSummary.Appearance? {
        guard byteCount >= Self.leastBytes, byteCount.isMultiple(of: 4) else { return nil }
        let low = max(greatest[0], greatest[2])
        let high = max(greatest[1], greatest[3])
        // Ids above 65,535 leave something in the upper half: of a million tokens, less than 16.
        guard
            high == 0 && low > 0
                || high < 16 && low >= 256 && byteCount >= Self.leastTextBytes
        else {
            return nil
        }
        let isLong = byteCount.isMultiple(of: 8) && greatest[2] == 0 && greatest[3] == 0
        return isLong && byteCount >= 2 * Self.leastBytes ? .longWords : .words
    }

    private static func isPrintable(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.allSatisfy { byte in
            switch byte {
            case 0x09, 0x0A, 0x0C, 0x0D: true
            case 0x7F: false
            default: byte >= 0x20
            }
        }
    }
}
