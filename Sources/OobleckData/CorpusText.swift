import OobleckCore

/// A text whose bytes are the tokens.
struct CorpusText {
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// The text, without a byte order mark.
    let bytes: [UInt8]
    let notes: [String]

    /// Throws `.inputData` unless these are the bytes of a UTF-8 text.
    init(_ bytes: [UInt8], path: String) throws {
        if let format = FileFormat.wideText(bytes) ?? FileFormat(of: bytes) {
            throw Self.refusal(path, "it is \(format.name); \(format.remedy)")
        }
        if let offset = Self.firstInvalidUTF8(bytes) {
            throw Self.refusal(
                path,
                "byte \(offset) (0x\(String(bytes[offset], radix: 16))) is invalid; if it is text in "
                    + "another encoding convert it, as in iconv -f LATIN1 -t UTF-8 OLD > NEW; token "
                    + "ids go into a file whose name ends in .bin"
            )
        }
        if let offset = bytes.firstIndex(of: 0) {
            throw Self.refusal(
                path,
                "byte \(offset) is 0, which no text has; token ids go into a file whose name ends "
                    + "in .bin"
            )
        }
        let isMarked = bytes.starts(with: Self.byteOrderMark)
        self.bytes = isMarked ? Array(bytes.dropFirst(Self.byteOrderMark.count)) : bytes
        notes = isMarked ? ["corpus \(path): left out the byte order mark at its start"] : []
    }

    private static func refusal(_ path: String, _ reason: String) -> OobleckError {
        OobleckError(.inputData, "\(path) is not UTF-8 text: \(reason)")
    }

    private static func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }
}
