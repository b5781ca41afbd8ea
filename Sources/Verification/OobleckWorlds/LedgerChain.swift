import OobleckCore
import OobleckRunFiles

/// The chain of the ledger's lines, by the code that writes real ledgers.
enum LedgerChain {
    struct Line: Sendable {
        let line: LedgerLine
    }

    static func line(_ entry: HistoryEntry, after before: Line?) -> Line {
        Line(line: LedgerLine(chaining: entry, to: before?.line.hash ?? LedgerLine.genesis))
    }

    /// Number of the first line, from zero, that does not follow from the one before.
    static func firstBroken(_ lines: [Line]) -> Int? {
        var previous = LedgerLine.genesis
        for (number, entry) in lines.enumerated() {
            let expected = LedgerLine(chaining: entry.line.entry, to: previous)
            guard expected == entry.line else { return number }
            previous = entry.line.hash
        }
        return nil
    }
}
