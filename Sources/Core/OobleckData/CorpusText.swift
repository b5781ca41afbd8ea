import OobleckCore

/// A text whose bytes are the tokens.
struct CorpusText {
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// The bytes of the text, without a byte order mark; not looked at yet.
    let tokens: TokenSequence
    let notes: [String]

    /// Throws `.inputData` when the file begins like one of another format.
    init(_ storage: TokenSequence.Storage, path: String) throws {
        let (start, size) =
            switch storage {
            case .file(let file): (file.prefix(FileFormat.startSize), file.count)
            case .memory(let bytes): (Array(bytes.prefix(FileFormat.startSize)), bytes.count)
            }
        if let format = FileFormat.wideText(start) ?? FileFormat(start: start, size: size) {
            throw OobleckError(
                .inputData,
                "\(path) is not UTF-8 text: it is \(format.name); \(format.remedy)"
            )
        }
        let isMarked = start.starts(with: Self.byteOrderMark)
        tokens = TokenSequence(
            storage,
            type: .text,
            start: isMarked ? Self.byteOrderMark.count : 0
        )
        notes = isMarked ? ["corpus \(path): left out the byte order mark at its start"] : []
    }
}
