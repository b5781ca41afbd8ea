import OobleckCore
import OobleckData

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
