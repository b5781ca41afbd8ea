extension DrillReport {
    /// Above the rows.
    package static let heading =
        "fault                       runs  detected ms  recovered ms  state  samples  leaks"

    /// Below the rows.
    package var closing: String {
        "\(count(.passed)) passed, \(count(.failed)) failed, \(count(.skipped)) skipped "
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
        let cells = [
            Self.pad(fault.rawValue, 26),
            Self.padLeft("\(runs)", 5),
            Self.padLeft(Spread(detected)?.text ?? "-", 12),
            Self.padLeft(Spread(recovered)?.text ?? "-", 13),
            Self.padLeft(isStateEqual ? "equal" : "DIFFERS", 6),
            Self.padLeft(samples, 8),
            Self.padLeft(leaks.isEmpty ? "none" : "\(leaks.count)", 6),
        ]
        let row = cells.joined(separator: " ")
        return [row] + (reasons + leaks).map { "    FAILED: \($0)" }
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func padLeft(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
