/// SHA-256 over token ids as little-endian 16-bit numbers, or as 32-bit ones when an id needs more.
///
/// So the same tokens have the same digest in every file format.
struct TokenDigest {
    private let tokens: TokenSequence
    private var hasher = SHA256Hasher()
    private var isWide = false

    init(_ tokens: TokenSequence) { self.tokens = tokens }

    /// Adds the next piece of the tokens; `areWide` when a token in it needs more than 16 bits.
    ///
    /// The first of those has all pieces before it read again.
    mutating func add(_ range: Range<Int>, areWide: Bool) {
        if areWide, !isWide {
            var wide = TokenDigest(tokens)
            wide.isWide = true
            tokens.forEachPiece(before: range.lowerBound) { wide.hash($0) }
            self = wide
        }
        hash(range)
    }

    var hexadecimal: String { hasher.hexadecimal }

    private mutating func hash(_ range: Range<Int>) {
        if tokens.type.width == (isWide ? 4 : 2) {
            // The file has them in the form wanted.
            tokens.withBytes(of: range) { hasher.update($0) }
        } else if isWide {
            let words = tokens.numbers(range).map { UInt32(truncatingIfNeeded: $0).littleEndian }
            words.withUnsafeBytes { hasher.update($0) }
        } else {
            let words = tokens.numbers(range).map { UInt16(truncatingIfNeeded: $0).littleEndian }
            words.withUnsafeBytes { hasher.update($0) }
        }
    }
}
