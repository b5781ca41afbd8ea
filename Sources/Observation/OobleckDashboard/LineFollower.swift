import Foundation
import OobleckCore
import OobleckData

/// Reads a file of lines that another process adds to, from where it was read last.
///
/// A file that is not there yet has no lines. One that was replaced is read from its beginning.
struct LineFollower {
    /// Bytes that are read at once; the rest is read by the next calls.
    static let mostBytes = 4 << 20

    private let path: String
    private var mark: FileMark?
    private var position = 0
    /// The beginning of a line that is not written whole.
    private var rest: [UInt8] = []

    init(_ path: String) { self.path = path }

    /// Whole lines that were added, and whether more can be read at once.
    ///
    /// `isNew` when the file is another than before: what was read of it counts no more. Throws `.storage` when
    /// it cannot be read.
    mutating func read() throws -> (lines: [String], isNew: Bool, hasMore: Bool) {
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
        let lines = rest[..<end].split(separator: UInt8(ascii: "\n"))
            .map { String(decoding: $0, as: UTF8.self) }
        rest.removeSubrange(...end)
        return (lines, isNew, position < size)
    }
}

/// Reads the newest end of a log, or what follows a place in it.
struct LogTail: Encodable {
    /// Bytes of an answer at most.
    static let mostBytes = 128 << 10

    var text: String
    /// Where to continue.
    var next: Int
    /// Whether older text was left out.
    var isCut: Bool

    /// Reads from `position`, or of what is longer the end.
    init(_ path: String, from position: Int) throws {
        let file = try OpenFile(path, for: .readBack)
        let size = try file.size()
        let wanted = position <= size ? max(0, position) : 0
        let start = max(wanted, size - Self.mostBytes)
        var bytes = try file.read(at: start, count: size - start)[...]
        isCut = start > wanted
        // Lines are told whole; of a file without any, what there is.
        if isCut, let first = bytes.firstIndex(of: UInt8(ascii: "\n")) {
            bytes = bytes[(first + 1)...]
        }
        var end = size
        if let last = bytes.lastIndex(of: UInt8(ascii: "\n")) {
            end -= bytes.endIndex - (last + 1)
            bytes = bytes[...last]
        } else if bytes.count < Self.mostBytes {
            end -= bytes.count
            bytes = []
        }
        text = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
            .map { lineForPeople(String($0)) }.joined(separator: "\n")
        next = end
    }
}
