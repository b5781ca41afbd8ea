import OobleckCore

/// What one pass over a corpus's tokens finds out.
struct TokenSummary: Hashable, Sendable {
    struct Largest: Hashable, Sendable {
        /// A negative number counts as larger than all others: it is in no vocabulary either.
        let token: Int64
        /// The first place of it, counted in tokens.
        let position: Int
    }

    /// What numbers of 16 bits look like, if not like token ids of 16 bits.
    enum Appearance: String, Sendable {
        case text
        case words = "32-bit"
        case longWords = "64-bit"
    }

    /// `nil` when there are no tokens.
    let largest: Largest?
    /// Of numbers of 16 bits without a sign only.
    let appearance: Appearance?
    /// As ``TokenDigest`` defines it.
    let digest: String

    init(largest: Largest?, appearance: Appearance?, digest: String) {
        self.largest = largest
        self.appearance = appearance
        self.digest = digest
    }

    /// Reads all tokens once.
    ///
    /// Throws `.inputData` for a text that is not one, and ``CancellationError`` as ``FirstLook`` does.
    init(reading tokens: TokenSequence, path: String, _ look: FirstLook = FirstLook()) throws {
        var text = tokens.type == .text ? TextCheck(tokens, path: path) : nil
        var evidence = tokens.type == .uint16 ? WidthEvidence(tokens) : nil
        var digest = TokenDigest(tokens)
        var largest: Largest?
        try tokens.forEachPiece { range in
            try text?.read(upTo: range.upperBound)
            evidence?.add(range)
            let greatest = tokens.withBytes(of: range, tokens.type.greatest)
            largest = Self.larger(largest, greatest, tokens, range)
            digest.add(range, areWide: UInt64(bitPattern: greatest) > UInt16.max)
            let width = tokens.type.width
            let bytes = range.lowerBound * width..<range.upperBound * width
            try look.note(path, bytes, of: tokens.count * width)
        }
        try text?.finish()
        self.init(
            largest: largest,
            appearance: evidence?.appearance,
            digest: digest.hexadecimal
        )
    }

    /// Throws `.inputData` for the first token that is outside the vocabulary.
    func requireInside(vocabulary: Int, _ tokens: TokenSequence, path: String) throws {
        guard let largest, Self.isOutside(largest.token, vocabulary) else { return }
        let first = Self.firstOutside(vocabulary, tokens) ?? largest
        throw OobleckError(
            .inputData,
            "\(path): token \(first.token) at offset \(first.position) is outside the vocabulary of "
                + "\(vocabulary); the model needs a vocabulary above it"
        )
    }

    /// `largest`, or what is larger, if `greatest` of the tokens of `range` is.
    private static func larger(
        _ largest: Largest?,
        _ greatest: Int64,
        _ tokens: TokenSequence,
        _ range: Range<Int>
    ) -> Largest? {
        if let largest, UInt64(bitPattern: greatest) <= UInt64(bitPattern: largest.token) {
            return largest
        }
        return tokens.numbers(range).firstIndex(of: greatest).map {
            Largest(token: greatest, position: range.lowerBound + $0)
        }
    }

    private static func firstOutside(_ vocabulary: Int, _ tokens: TokenSequence) -> Largest? {
        var first: Largest?
        tokens.forEachPiece { range in
            guard first == nil else { return }
            let numbers = tokens.numbers(range)
            first = numbers.firstIndex { isOutside($0, vocabulary) }.map {
                Largest(token: numbers[$0], position: range.lowerBound + $0)
            }
        }
        return first
    }

    private static func isOutside(_ token: Int64, _ vocabulary: Int) -> Bool {
        !(0..<Int64(vocabulary)).contains(token)
    }
}
