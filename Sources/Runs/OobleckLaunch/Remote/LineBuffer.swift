/// Cuts a stream of bytes into lines of bounded length.
package struct LineBuffer: Sendable {
    private let longest: Int
    private var rest: [UInt8] = []

    /// Lines of at most `longest` bytes; what is longer is cut.
    package init(longest: Int) { self.longest = longest }

    /// The lines that are complete now, without their ends.
    package mutating func add(_ bytes: some Collection<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(String(decoding: rest, as: UTF8.self))
                rest = []
            } else if rest.count < longest {
                rest.append(byte)
            }
        }
        return lines
    }

    /// What came after the last line's end; `nil` when nothing did.
    package mutating func end() -> String? {
        guard !rest.isEmpty else { return nil }
        defer { rest = [] }
        return String(decoding: rest, as: UTF8.self)
    }
}
