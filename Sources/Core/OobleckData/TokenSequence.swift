/// The tokens of a corpus where they are, one after the other: in a mapped file, or in memory.
struct TokenSequence: Sendable {
    enum Storage: Sendable {
        case file(MappedFile)
        case memory([UInt8])
    }

    /// Tokens that a pass looks at together: their numbers fit a processor's cache.
    private static let pieceSize = 1 << 15

    let storage: Storage
    let type: TokenType
    /// The byte at which the first token begins.
    let start: Int
    let count: Int

    /// All whole tokens from `start` on.
    init(_ storage: Storage, type: TokenType, start: Int = 0) {
        let size =
            switch storage {
            case .file(let file): file.count
            case .memory(let bytes): bytes.count
            }
        precondition(start <= size, "tokens from byte \(start) of \(size)")
        self.storage = storage
        self.type = type
        self.start = start
        count = (size - start) / type.width
    }

    /// The bytes of the tokens of `range`; the pointer is valid within `body` only.
    func withBytes<Result>(
        of range: Range<Int>,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let bytes = byteRange(range)
        switch storage {
        case .file(let file):
            return try file.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[bytes])) }
        case .memory(let memory):
            return try memory.withUnsafeBytes {
                try body(UnsafeRawBufferPointer(rebasing: $0[bytes]))
            }
        }
    }

    /// Adds the tokens of `range` to `numbers`.
    func append(_ range: Range<Int>, to numbers: inout [Int64]) {
        withBytes(of: range) { type.append($0, to: &numbers) }
    }

    /// The tokens of `range`.
    func numbers(_ range: Range<Int>) -> [Int64] {
        var numbers: [Int64] = []
        append(range, to: &numbers)
        return numbers
    }

    /// Calls `body` with each piece of the tokens before `end`, in order.
    ///
    /// A mapped file's pages do not count as memory of the process afterwards.
    func forEachPiece(before end: Int? = nil, _ body: (Range<Int>) throws -> Void) rethrows {
        let end = end ?? count
        for first in stride(from: 0, to: end, by: Self.pieceSize) {
            let range = first..<min(first + Self.pieceSize, end)
            try body(range)
            // A look back at the end of the piece before has mapped that again.
            forget(max(0, first - Self.pieceSize)..<range.upperBound)
        }
    }

    /// Removes the tokens of `range` from the memory of the process, if they are in a file.
    func forget(_ range: Range<Int>) {
        if case .file(let file) = storage { file.forget(byteRange(range)) }
    }

    private func byteRange(_ range: Range<Int>) -> Range<Int> {
        start + range.lowerBound * type.width..<start + range.upperBound * type.width
    }
}
