import OobleckCore

/// Whether bytes are UTF-8 text, found out piece by piece.
struct TextCheck {
    private let tokens: TokenSequence
    private let path: String
    private var encoding: UTF8Check
    private var firstZero: Int?
    private var readCount = 0

    init(_ tokens: TokenSequence, path: String) {
        self.tokens = tokens
        self.path = path
        encoding = UTF8Check(tokens)
    }

    /// Looks at all of it.
    static func all(_ tokens: TokenSequence, path: String) throws {
        var check = TextCheck(tokens, path: path)
        try check.read(upTo: tokens.count)
        try check.finish()
    }

    /// Looks at the bytes up to `end`.
    ///
    /// Throws `.inputData` with the place of the first that is not UTF-8.
    mutating func read(upTo end: Int) throws {
        if let place = encoding.firstInvalid(before: end) {
            let byte = tokens.withBytes(of: place..<place + 1) { $0[0] }
            throw refusal(
                "byte \(tokens.start + place) (0x\(String(byte, radix: 16))) is invalid; if it is "
                    + "text in another encoding convert it, as in iconv -f LATIN1 -t UTF-8 OLD > "
                    + "NEW; token ids go into a file whose name ends in .bin"
            )
        }
        if firstZero == nil {
            let start = readCount
            firstZero = tokens.withBytes(of: start..<end) { $0.firstIndex(of: 0) }
                .map { start + $0 }
        }
        readCount = end
    }

    /// Throws `.inputData` when a byte was 0.
    func finish() throws {
        guard let firstZero else { return }
        throw refusal(
            "byte \(tokens.start + firstZero) is 0, which no text has; token ids go into a file whose "
                + "name ends in .bin"
        )
    }

    private func refusal(_ reason: String) -> OobleckError {
        OobleckError(.inputData, "\(path) is not UTF-8 text: \(reason)")
    }
}
