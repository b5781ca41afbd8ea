import Foundation
import OobleckCore

/// One page with all parts, which needs no other file.
public struct ArtifactPage {
    /// The parts, in order.
    public let parts: [ArtifactPart]
    /// What it was made by and on, each as `name: value`.
    public let provenance: [(name: String, value: String)]

    /// A page of these parts.
    public init(parts: [ArtifactPart], provenance: [(name: String, value: String)]) {
        self.parts = parts
        self.provenance = provenance
    }

    private var isPassed: Bool { !parts.isEmpty && parts.allSatisfy(\.isPassed) }

    /// The page.
    public var html: String {
        let checks = parts.reduce(0) { $0 + $1.checks.count }
        let short = parts.filter { !$0.isPassed }.map { "\($0.number)" }
        let verdict =
            isPassed
            ? "All \(counted(parts.count, "part")) pass: "
                + "\(counted(checks, "check"))"
            : parts.isEmpty
                ? "Nothing was evaluated"
                : "Part \(short.joined(separator: ", ")) fell short"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Oobleck: the paper's evaluation</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <header>
            <h1>Oobleck: the paper's evaluation, done here</h1>
            <p>What <i>Oobleck: Resilient Distributed Training of Large Models Using Pipeline
            Templates</i> (Jang et al., SOSP 2023) claims, checked part by part with this
            implementation, as its artifact does and beyond.</p>
            <p class="verdict \(isPassed ? "good" : "bad")">\(Self.escaped(verdict))</p>
            \(summary)
            </header>
            \(parts.map(section).joined(separator: "\n"))
            <footer>
            <h2>How this page was made</h2>
            <table class="plain">
            \(provenance.map(Self.row).joined(separator: "\n"))
            </table>
            </footer>
            </body>
            </html>

            """
    }

    private var summary: String {
        let rows = parts.map { part in
            "<tr><td>\(part.number)</td>"
                + "<td><a href=\"#part-\(part.number)\">\(Self.escaped(part.title))</a></td>"
                + "<td>\(Self.escaped(part.section))</td>"
                + "<td class=\"number\">\(part.checks.count)</td>"
                + "<td class=\"number\">\(Numbers.decimal(part.seconds, 1)) s</td>"
                + "<td>\(Self.badge(part.isPassed))</td></tr>"
        }
        return """
            <table class="summary">
            <tr><th></th><th>part</th><th>paper</th><th class="number">checks</th>
            <th class="number">took</th><th></th></tr>
            \(rows.joined(separator: "\n"))
            </table>
            """
    }

    private func section(_ part: ArtifactPart) -> String {
        """
        <section id="part-\(part.number)">
        <h2><span class="count">\(part.number)</span>\(Self.escaped(part.title))
        <small>\(Self.escaped(part.section))</small> \(Self.badge(part.isPassed))</h2>
        \(part.blocks.map(Self.block).joined(separator: "\n"))
        <p class="ending \(part.isPassed ? "good" : "bad")">\(Self.escaped(part.verdict))</p>
        </section>
        """
    }

    private static func badge(_ isPassed: Bool) -> String {
        "<span class=\"badge \(isPassed ? "good" : "bad")\">\(isPassed ? "PASS" : "FELL SHORT")</span>"
    }

    private static func row(_ entry: (name: String, value: String)) -> String {
        "<tr><th>\(escaped(entry.name))</th><td>\(escaped(entry.value))</td></tr>"
    }

    private static func block(_ block: ArtifactBlock) -> String {
        switch block {
        case .heading(let text): return "<h3>\(escaped(capitalized(text)))</h3>"
        case .paragraph(let text): return "<p>\(code(escaped(text)))</p>"
        case .listing(let lines):
            let spans = lines.map { "<span>\(escaped($0))</span>" }
            return "<pre>\(spans.joined(separator: "\n"))</pre>"
        case .table(let table): return html(table)
        case .picture(let svg, let caption):
            // The XML declaration has no place inside of a page.
            let start = svg.range(of: "<svg")?.lowerBound ?? svg.startIndex
            let text = caption.isEmpty ? "" : "<figcaption>\(escaped(caption))</figcaption>"
            return "<figure>\(svg[start...])\(text)</figure>"
        case .checks(let checks):
            let items = checks.map { check in
                "<li class=\"\(check.isMet ? "good" : "bad")\"><span>\(escaped(check.claim))</span> "
                    + "<em>\(escaped(check.found))</em></li>"
            }
            return "<ul class=\"checks\">\n\(items.joined(separator: "\n"))\n</ul>"
        }
    }

    private static func html(_ table: ArtifactTable) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            let cells = cells.enumerated().map { column, text in
                let isText = table.textColumns.contains(column)
                return "<\(tag)\(isText ? "" : " class=\"number\"")>\(escaped(text))</\(tag)>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        let body = table.rows.map { row($0, "td") }.joined(separator: "\n")
        let html =
            "<div class=\"wide\"><table>\n\(row(table.columns, "th"))\n\(body)\n</table></div>"
        guard table.isFolded else { return html }
        return "<details><summary>\(table.rows.count) rows: "
            + "\(escaped(table.columns.joined(separator: ", ")))</summary>\(html)</details>"
    }

    private static func capitalized(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst()
    }

    /// What stands between backquotes, as code.
    private static func code(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .map { $0.offset % 2 == 1 ? "<code>\($0.element)</code>" : String($0.element) }
            .joined()
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
