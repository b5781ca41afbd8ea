import OobleckCore

extension DrillReport {
    /// The report as one page that needs nothing else.
    package var html: String {
        let rows = self.rows.map(Self.row).joined(separator: "\n")
        let references = references.sorted { $0.key < $1.key }.map { reference, state in
            "<p>Undisturbed, \(Self.escaped(reference)): <code>\(Self.escaped(state))</code></p>"
        }.joined(separator: "\n")
        return """
            <!doctype html>
            <html lang="en"><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Oobleck drill</title>
            <style>\(Self.style)</style>
            <h1>Oobleck drill</h1>
            <p class="sum"><b>\(count(.passed))</b> passed, <b>\(count(.failed))</b> failed,
            <b>\(count(.skipped))</b> skipped\(isInterrupted ? " before it was interrupted" : "") in \(Int(duration.value.rounded())) s.
            Seed \(seed); rows that are not varied run \(repeats == 1 ? "once" : "\(repeats) times").</p>
            <p>\(Self.escaped(started)), \(Self.escaped(machine)), oobleck \
            \(Self.escaped(version)). Every run must end with the state of an undisturbed one, bit
            for bit, use every sample once, and leave nothing behind.</p>
            <table>
            <thead><tr><th>Fault<th>Verdict<th>Runs<th>Lost<th>Detected, ms<th>Recovered, ms\
            <th>State<th>Samples<th>Left behind</tr>
            <tr class="sub"><th><th><th><th><th>median / p90 / greatest\
            <th>median / p90 / greatest<th><th><th></tr></thead>
            <tbody>
            \(rows)
            </tbody></table>
            \(references)
            </html>

            """
    }

    private static func row(_ row: DrillRow) -> String {
        let name =
            "<td><b>\(row.fault.rawValue)</b><br><small>\(summary(row))</small>"
        let verdict = "<td class=\"\(row.verdict.rawValue)\">\(row.verdict.rawValue)"
        let notes = (row.reasons + row.leaks).map { "<br><small>\(escaped($0))</small>" }.joined()
        guard row.verdict != .skipped else {
            return "<tr>\(name)\(verdict)<td colspan=7>\(escaped(row.reasons.first ?? ""))</tr>"
        }
        let samples =
            row.samplesLost + row.samplesRepeated == 0
            ? "once" : "\(row.samplesLost) lost, \(row.samplesRepeated) repeated"
        let cells = [
            "\(row.runs)", "\(row.losses)", spread(row.detected), spread(row.recovered),
            row.isStateEqual.map { $0 ? "equal" : "differs" } ?? "–", samples,
            row.leaks.isEmpty ? "nothing" : "\(row.leaks.count)",
        ]
        return "<tr>\(name)\(notes)\(verdict)" + cells.map { "<td>\($0)" }.joined() + "</tr>"
    }

    /// Equations stay on one line.
    private static func summary(_ row: DrillRow) -> String {
        escaped(row.fault.summary).replacing(" = ", with: "&nbsp;=&nbsp;")
    }

    private static func spread(_ values: [Seconds]) -> String {
        guard let spread = Spread(values) else { return "–" }
        return [spread.median, spread.p90, spread.greatest]
            .map { "\(Spread.milliseconds($0))" }.joined(separator: " / ")
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }

    private static let style = """
        body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;\
        color:#1c2430;background:#fff}h1{font-size:1.6rem;margin:0 0 .4rem}.sum{font-size:1.1rem}\
        table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;\
        padding:.4rem .6rem;border-bottom:1px solid #d8dee6;vertical-align:top}\
        td:nth-child(n+3){white-space:nowrap;font-variant-numeric:tabular-nums}\
        td[colspan]{white-space:normal}\
        thead th{border-bottom:0;padding-bottom:0}.sub th{font-weight:400;color:#5b6675;\
        font-size:.8rem;border-bottom:2px solid #8a94a3;padding:0 .6rem .4rem}\
        small{color:#5b6675}.passed{color:#116329;font-weight:600}\
        .failed{color:#b42318;font-weight:600}.skipped{color:#8a5a00;font-weight:600}\
        code{font-size:.85em;word-break:break-all}
        """
}
