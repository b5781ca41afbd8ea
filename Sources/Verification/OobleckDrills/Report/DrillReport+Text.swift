import OobleckCore

extension DrillReport {
    /// Above the rows.
    package static let heading = DrillRow.line(
        ["fault", "runs", "detected ms", "recovered ms", "state", "samples", "leaks"]
    )

    /// Below the rows.
    package var closing: String {
        (isInterrupted ? "interrupted: " : "")
            + "\(count(.passed)) passed, \(count(.failed)) failed, \(count(.skipped)) skipped "
            + "in \(Int(duration.value.rounded())) s, seed \(seed); times are median/greatest"
    }
}

extension DrillRow {
    /// The row for people, at most 80 columns wide, and what is to be said about it below.
    package var lines: [String] {
        guard verdict != .skipped else {
            return ["\(Self.pad(fault.rawValue, 26))  skipped: \(reasons.first ?? "")"]
        }
        let samples = samplesLost + samplesRepeated == 0 ? "once" : "not once"
        let row = Self.line(
            [
                fault.rawValue, "\(runs)", Spread(detected)?.text ?? "-",
                Spread(recovered)?.text ?? "-",
                isStateEqual.map { $0 ? "equal" : "DIFFERS" } ?? "-", samples,
                leaks.isEmpty ? "none" : "\(leaks.count)",
            ]
        )
        let word = verdict == .failed ? "FAILED" : "note"
        return [row] + (reasons + leaks).map { "    \(word): \($0)" }
    }

    /// Cells in columns: 80 characters wide.
    static func line(_ cells: [String]) -> String {
        let widths = [26, 5, 11, 12, 7, 8, 5]
        return zip(cells, widths).enumerated().map { place, cell in
            place == 0 ? pad(cell.0, cell.1) : padLeft(cell.0, cell.1)
        }.joined(separator: " ")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func padLeft(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
