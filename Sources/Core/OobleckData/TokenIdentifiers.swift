import OobleckCore

/// Token ids of a `.bin` file: little-endian numbers of one width, without a header.
///
/// 16 bits are assumed unless the job says otherwise (`data.token_bytes`). A file that does not
/// look like 16-bit ids is refused, and the message says what it looks like. A stated width is not
/// questioned.
struct TokenIdentifiers {
    /// Types of the ids, by the widths that a job may state, in bytes.
    private static let types: [Int: TokenType] = [1: .uint8, 2: .uint16, 4: .int32, 8: .int64]

    let tokens: TokenSequence
    let summary: TokenSummary

    /// Throws `.inputData` with one line that names the file.
    init(_ file: MappedFile, tokenBytes: Int?, look: FirstLook) throws {
        let (path, width) = (file.path, tokenBytes ?? 2)
        guard let type = Self.types[width] else {
            throw OobleckError(
                .inputData,
                "data.token_bytes is \(width); a token id has 1, 2, 4 or 8 bytes"
            )
        }
        let start = file.prefix(FileFormat.startSize)
        if let format = FileFormat(start: start, size: file.count) {
            throw OobleckError(
                .inputData,
                "\(path) is not a file of token ids: it is \(format.name); \(format.remedy)"
            )
        }
        guard file.count.isMultiple(of: width) else {
            throw OobleckError(
                .inputData,
                "\(path) has \(counted(file.count, "byte")), which is not a multiple of \(width); "
                    + "its token ids take \(counted(width, "byte")) each (data.token_bytes)"
            )
        }
        let tokens = TokenSequence(.file(file), type: type)
        self.tokens = tokens
        summary = try KeptSummary.summary(of: tokens, keeps: look.keepsSummary) {
            try TokenSummary(reading: tokens, path: path, look)
        }
        if tokenBytes == nil, let appearance = summary.appearance {
            throw OobleckError(.inputData, "\(path) \(Self.sentence(appearance))")
        }
    }

    /// What to say of a file that does not look like one of 16-bit ids.
    private static func sentence(_ appearance: TokenSummary.Appearance) -> String {
        let width: Int
        switch appearance {
        case .text:
            return "looks like text, not like token ids: all of it is printable UTF-8; give it a "
                + "name that does not end in .bin, or say data.token_bytes: 2"
        case .words: width = 4
        case .longWords: width = 8
        }
        return "looks like \(appearance.rawValue) token ids, not 16-bit ones: of every "
            + "\(width / 2) 16-bit numbers only the first is ever large (uint32 and int64 files of "
            + "nanoGPT's kind, Megatron's int32 files); say data.token_bytes: \(width), or 2 if the "
            + "ids have 16 bits after all"
    }
}
