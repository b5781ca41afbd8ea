/// Finds the first byte that is not valid UTF-8, piece by piece.
struct UTF8Check {
    private let tokens: TokenSequence
    private let byteCount: Int
    private var checked = 0

    /// The bytes to look at are those of the tokens, of whatever width.
    init(_ tokens: TokenSequence) {
        self.tokens = tokens
        byteCount = tokens.count * tokens.type.width
    }

    /// The place of the first invalid byte before `end`, counted from the first token; a character
    /// that `end` cuts is looked at in the next call.
    mutating func firstInvalid(before end: Int) -> Int? {
        let start = checked
        let (end, fault) = tokens.withBytes(of: 0..<tokens.count) { bytes in
            let cut = end == byteCount ? end : Self.boundary(bytes, before: end)
            return (cut, Self.firstInvalid(UnsafeRawBufferPointer(rebasing: bytes[start..<cut])))
        }
        checked = end
        return fault.map { start + $0 }
    }

    /// The start of the character that `end` cuts, or `end` itself.
    private static func boundary(_ bytes: UnsafeRawBufferPointer, before end: Int) -> Int {
        // A character has a first byte and at most three more, which are 0b10xxxxxx.
        let start = (max(0, end - 3)...end).reversed().first { bytes[$0] & 0xC0 != 0x80 }
        return start ?? end
    }

    private static func firstInvalid(_ bytes: UnsafeRawBufferPointer) -> Int? {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }
}
