import Foundation
import OobleckCore
import OobleckData

/// Where a ledger ends: what a run that goes on has to chain its next line to.
package struct LedgerEnd: Sendable {
    /// The last whole line.
    package let last: LedgerLine?
    /// The last whole line on a step or on a return to a checkpoint.
    private let newest: HistoryEntry?

    /// Steps in the ledger that count.
    package var steps: Int {
        var history = RecordedHistory()
        if let newest { history.append(newest) }
        return history.steps
    }

    /// Reads the end of the ledger at `path`; a missing one is empty.
    ///
    /// What follows the last line feed was not written whole and does not count. Throws
    /// `.inputData` when the last whole line is not a ledger's.
    package init(path: String) throws {
        guard let end = try WholeLines.end(of: path), end > 0 else {
            (last, newest) = (nil, nil)
            return
        }
        let file = try OpenFile(path, for: .readInput)
        let start = max(0, end - WholeLines.longest)
        let bytes = try file.read(at: start, count: end - start).dropLast()
        var lines = bytes.split(separator: UInt8(ascii: "\n"))[...]
        last = try Self.line(lines.last ?? [], "the last line of \(path)")
        var newest: HistoryEntry?
        while newest == nil, let bytes = lines.popLast() {
            let entry = try Self.line(bytes, "a line of \(path)").entry
            switch entry {
            case .arithmetic, .evaluation: continue
            case .step, .restored: newest = entry
            }
        }
        self.newest = newest
    }

    /// What the ledger at `path` says of which steps count, of the arithmetic and the newest evaluation.
    ///
    /// Looks through the whole file. Throws as ``init(path:)`` does.
    package static func history(path: String) throws -> RecordedHistory {
        var history = RecordedHistory()
        guard let end = try WholeLines.end(of: path), end > 0 else { return history }
        let file = try OpenFile(path, for: .readInput)
        for start in ["{\"restored\":", "{\"arithmetic\":", "{\"evaluated\":"] {
            guard let found = try WholeLines.last(startingWith: start, in: file, end: end) else {
                continue
            }
            let entry = try line(found[...], "a line of \(path)").entry
            // An evaluation of before the return to a checkpoint counts no more.
            if case .evaluation(let recorded) = entry, let restored = history.restored,
                recorded.generation < restored.generation
            {
                continue
            }
            history.append(entry)
        }
        // A step that was committed since is in the last line on steps.
        if case .step(let step) = try LedgerEnd(path: path).newest { history.append(.step(step)) }
        return history
    }

    private static func line(_ bytes: ArraySlice<UInt8>, _ what: String) throws -> LedgerLine {
        do {
            return try JSONDecoder().decode(LedgerLine.self, from: Data(bytes))
        } catch {
            throw OobleckError(.inputData, "\(what) is no ledger line: \(oneLine(error))")
        }
    }
}

/// Files of lines, where the last one may not have been written whole.
enum WholeLines {
    /// No line is longer.
    static let longest = 64 << 10

    /// The last line that starts so, of the first `size` bytes of a file, without its line feed.
    static func last(
        startingWith start: String,
        in file: OpenFile,
        end size: Int
    ) throws -> [UInt8]? {
        let mark = Array("\n\(start)".utf8)
        var end = size
        while end > 0 {
            let position = max(0, end - (1 << 20))
            // The first line of a file has no line feed before it.
            let before = position == 0 ? [UInt8(ascii: "\n")] : []
            let bytes = before + (try file.read(at: position, count: end - position))
            if let found = lastRange(of: mark, in: bytes) {
                let line = position + found + 1 - before.count
                let rest = try file.read(at: line, count: min(longest, size - line))
                return Array(rest.prefix { $0 != UInt8(ascii: "\n") })
            }
            guard position > 0 else { return nil }
            // A mark may have been split here.
            end = position + mark.count - 1
        }
        return nil
    }

    /// Where the last occurrence of `mark` begins.
    private static func lastRange(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
        Data(bytes).range(of: Data(mark), options: .backwards)?.lowerBound
    }

    /// How many whole lines a file has; none when it is missing.
    static func count(in path: String) throws -> Int {
        guard let end = try end(of: path) else { return 0 }
        let file = try OpenFile(path, for: .readInput)
        var lines = 0
        var start = 0
        while start < end {
            let bytes = try file.read(at: start, count: min(64 << 10, end - start))
            lines += bytes.count { $0 == UInt8(ascii: "\n") }
            start += bytes.count
        }
        return lines
    }

    /// The size of a regular file up to its last line feed; `nil` when there is no such file.
    static func end(of path: String) throws -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let file = try OpenFile(path, for: .readInput)
        var end = Int(status.st_size)
        while end > 0 {
            let start = max(0, end - (64 << 10))
            let bytes = try file.read(at: start, count: end - start)
            if let feed = bytes.lastIndex(of: UInt8(ascii: "\n")) { return start + feed + 1 }
            end = start
        }
        return 0
    }
}
