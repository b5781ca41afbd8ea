import OobleckCore

extension DrillReport {
    /// The report as one page that needs nothing else.
    package var html: String {
        let longest = self.rows.flatMap(\.recovered).max() ?? 1
        let rows = self.rows.map { Self.row($0, longest: longest) }.joined(separator: "\n")
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
            <p>A timeline begins with the fault. <i class="key found"></i> until it is detected,
            <i class="key back"></i> until every node works again (medians); the line ends at the longest
            recovery of the row. All have the same scale, to \(Spread.milliseconds(longest)) ms.</p>
            <div class="scroll"><table>
            <thead><tr><th>Fault<th>Verdict<th>Runs<th>Lost<th>Timeline<th>Detected, ms<th>Recovered, ms\
            <th>State<th>Samples<th>Left behind</tr>
            <tr class="sub"><th><th><th><th><th><th>median / p90 / greatest\
            <th>median / p90 / greatest<th><th><th></tr></thead>
            <tbody>
            \(rows)
            </tbody></table></div>
            \(references)
            </html>

            """
    }

    private static func row(_ row: DrillRow, longest: Seconds) -> String {
        let name =
            "<td><b>\(row.fault.rawValue)</b><br><small>\(summary(row))</small>"
        let verdict = "<td class=\"\(row.verdict.rawValue)\">\(row.verdict.rawValue)"
        let notes = (row.reasons + row.leaks).map { "<br><small>\(escaped($0))</small>" }.joined()
        guard row.verdict != .skipped else {
            return "<tr>\(name)\(verdict)<td colspan=8>\(escaped(row.reasons.first ?? ""))</tr>"
        }
        let samples =
            row.samplesLost + row.samplesRepeated == 0
            ? "once" : "\(row.samplesLost) lost, \(row.samplesRepeated) repeated"
        let cells = [
            "\(row.runs)", "\(row.losses)", timeline(row, longest: longest), spread(row.detected),
            spread(row.recovered),
            row.isStateEqual.map { $0 ? "equal" : "differs" } ?? "–", samples,
            row.leaks.isEmpty ? "nothing" : "\(row.leaks.count)",
        ]
        return "<tr>\(name)\(notes)\(verdict)" + cells.map { "<td>\($0)" }.joined() + "</tr>"
    }

    /// From the fault to its detection and to the end of the recovery, to scale.
    private static func timeline(_ row: DrillRow, longest: Seconds) -> String {
        guard let recovered = Spread(row.recovered), longest > 0 else { return "–" }
        func pixels(_ time: Seconds) -> Double {
            (time.value / longest.value * 1500).rounded() / 10
        }
        let found = Spread(row.detected).map { min($0.median, recovered.median) } ?? 0
        let label =
            "detected after \(Spread.milliseconds(found)) ms, recovered after "
            + "\(Spread.milliseconds(recovered.median)) ms, at most "
            + "\(Spread.milliseconds(recovered.greatest)) ms"
        return """
            <svg width="152" height="14" role="img" aria-label="\(label)"><title>\(label)</title>\
            <path class="most" d="M0 7h\(pixels(recovered.greatest))"/>\
            <rect class="back" y="2" height="10" width="\(pixels(recovered.median))"/>\
            <rect class="found" y="2" height="10" width="\(pixels(found))"/></svg>
            """
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
        :root{color-scheme:light dark;--ink:#1c2430;--page:#fff;--quiet:#5b6675;--line:#d8dee6;\
        --good:#116329;--bad:#b42318;--skip:#8a5a00;--found:#e08a00;--back:#1257a6}\
        @media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--page:#14181d;--quiet:#9aa4af;\
        --line:#333b44;--good:#5fd38f;--bad:#ff7b88;--skip:#ffb347;--found:#ffb347;--back:#6cb0ff}}\
        body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;\
        color:var(--ink);background:var(--page)}h1{font-size:1.6rem;margin:0 0 .4rem}\
        .sum{font-size:1.1rem}.scroll{overflow-x:auto}\
        table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;\
        padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}\
        td:first-child{min-width:14rem}\
        td:nth-child(n+3){white-space:nowrap;font-variant-numeric:tabular-nums}\
        td[colspan]{white-space:normal}\
        thead th{border-bottom:0;padding-bottom:0}.sub th{font-weight:400;color:var(--quiet);\
        font-size:.8rem;border-bottom:2px solid var(--quiet);padding:0 .6rem .4rem}\
        small{color:var(--quiet)}.passed{color:var(--good);font-weight:600}\
        .failed{color:var(--bad);font-weight:600}.skipped{color:var(--skip);font-weight:600}\
        .found{fill:var(--found);background:var(--found)}.back{fill:var(--back);\
        background:var(--back)}.most{stroke:var(--quiet)}\
        .key{display:inline-block;width:1.2em;height:.7em}\
        code{font-size:.85em;word-break:break-all}
        """
}
