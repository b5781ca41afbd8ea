/// Reads a file of lines that another process adds to, from where it was read last.
///
/// A file that is not there yet has no lines. One that was replaced is read from its beginning.
package struct LineFollower {
    /// Bytes that are read at once; the rest is read by the next calls.
    package static let mostBytes = 4 << 20

    private let path: String
    private var mark: FileMark?
    private var position = 0
    /// The beginning of a line that is not written whole.
    private var rest: [UInt8] = []

    package init(_ path: String) { self.path = path }

    /// Whole lines that were added, and whether more can be read at once.
    ///
    /// `isNew` when the file is another than before: what was read of it counts no more. Throws `.storage` when
    /// it cannot be read.
    package mutating func read() throws -> (lines: [String], isNew: Bool, hasMore: Bool) {
        guard let present = FileMark(path) else { return ([], false, false) }
        let file = try OpenFile(path, for: .readBack)
        let size = try file.size()
        var isNew = mark.map { !$0.isSameFile(as: present) } ?? false
        mark = present
        if size < position || isNew {
            // A line that was not whole may have been taken back.
            isNew = isNew || size < position - rest.count
            position = isNew ? 0 : position - rest.count
            rest = []
        }
        let new = try file.read(at: position, count: min(size - position, Self.mostBytes))
        position += new.count
        rest += new
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else {
            return ([], isNew, position < size)
        }
        let lines = rest[..<end]
            .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        rest.removeSubrange(...end)
        return (lines, isNew, position < size)
    }
    /// All whole lines that were added.
    ///
    /// Throws `.storage` when the file cannot be read.
    package mutating func newLines() throws -> [String] {
        var all: [String] = []
        while true {
            let new = try read()
            all += new.lines
            guard new.hasMore else { return all }
        }
    }
}
