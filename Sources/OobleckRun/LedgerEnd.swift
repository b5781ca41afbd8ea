import Foundation
import OobleckCore
import OobleckData

/// Where a ledger ends: what a run that goes on has to chain its next line to.
package struct LedgerEnd: Sendable {
    /// The last whole line.
    package let last: LedgerLine?
    /// Steps in the ledger that count.
    package var steps: Int {
        switch last?.entry {
        case .step(let step): step.step + 1
        case .restored(let restored): restored.step
        case nil: 0
        }
    }
    /// Generation of the last line.
    package var generation: Generation? {
        switch last?.entry {
        case .step(let step): step.generation
        case .restored(let restored): restored.generation
        case nil: nil
        }
    }

    /// Reads the end of the ledger at `path`; a missing one is empty.
    ///
    /// What follows the last line feed was not written whole and does not count. Throws
    /// `.inputData` when the last whole line is not a ledger's.
    package init(path: String) throws {
        guard let end = try WholeLines.end(of: path), end > 0 else {
            last = nil
            return
        }
        let file = try OpenFile(path, for: .readInput)
        // Longer than any line.
        let start = max(0, end - (64 << 10))
        let bytes = try file.read(at: start, count: end - start).dropLast()
        let line = bytes.split(separator: UInt8(ascii: "\n")).last ?? []
        do {
            last = try JSONDecoder().decode(LedgerLine.self, from: Data(line))
        } catch {
            throw OobleckError(
                .inputData,
                "the last line of \(path) is no ledger line: \(oneLine(error))"
            )
        }
    }
}

/// Files of lines, where the last one may not have been written whole.
enum WholeLines {
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
