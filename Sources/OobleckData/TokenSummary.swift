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
    /// Throws `.inputData` for a text that is not one.
    init(reading tokens: TokenSequence, path: String) throws {
        var text = tokens.type == .text ? TextCheck(tokens, path: path) : nil
        var evidence = tokens.type == .uint16 ? WidthEvidence(tokens) : nil
        var digest = TokenDigest(tokens)
        var largest: Largest?
        try tokens.forEachPiece { range, numbers in
            try text?.read(upTo: range.upperBound)
            evidence?.add(range, numbers)
            let most = Self.most(numbers)
            largest = Self.larger(largest, most, range, numbers)
            digest.add(range, numbers, areWide: most > UInt16.max)
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

    /// The greatest of the numbers, taken without their signs.
    private static func most(_ numbers: [Int64]) -> UInt64 {
        var most: UInt64 = 0
        for number in numbers { most = max(most, UInt64(bitPattern: number)) }
        return most
    }

    /// `largest`, or what is greater, if `most` of these numbers is.
    private static func larger(
        _ largest: Largest?,
        _ most: UInt64,
        _ range: Range<Int>,
        _ numbers: [Int64]
    ) -> Largest? {
        if let largest, most <= UInt64(bitPattern: largest.token) { return largest }
        let token = Int64(bitPattern: most)
        return numbers.firstIndex(of: token).map {
            Largest(token: token, position: range.lowerBound + $0)
        }
    }

    private static func firstOutside(_ vocabulary: Int, _ tokens: TokenSequence) -> Largest? {
        var first: Largest?
        tokens.forEachPiece { range, numbers in
            guard first == nil, let index = numbers.firstIndex(where: { isOutside($0, vocabulary) })
            else { return }
            first = Largest(token: numbers[index], position: range.lowerBound + index)
        }
        return first
    }

    private static func isOutside(_ token: Int64, _ vocabulary: Int) -> Bool {
        !(0..<Int64(vocabulary)).contains(token)
    }
}
