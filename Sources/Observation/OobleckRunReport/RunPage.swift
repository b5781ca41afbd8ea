import OobleckCore
import OobleckRunFiles

/// One page about a run, which needs no other file (`oobleck report`).
package struct RunPage {
    let story: RunStory
    let clock: StoryClock
    let use: TimeUse
    let lanes: [NodeLane]
    /// When the page is made, for people.
    let date: String

    /// The page of a run, made on `date`.
    package init(_ story: RunStory, date: String) {
        self.story = story
        self.date = date
        clock = StoryClock(story.events)
        use = TimeUse(story.events)
        lanes = NodeLane.lanes(story.events)
    }

    /// The page.
    package var html: String {
        let sections = self.sections
        let links = sections.map { "<a href=\"#\($0.id)\">\($0.title)</a>" }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" \
            content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
            <title>\(ReportText.escaped(story.name)) - Oobleck run</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            \(Self.patterns)
            <header>
            <p class="kind">Oobleck run</p>
            <h1>\(ReportText.escaped(story.name))</h1>
            <p class="lead \(isWell ? "good" : "bad")">\(ReportText.escaped(verdict))</p>
            \(tiles)
            <nav>\(links.joined(separator: " "))</nav>
            </header>
            <main>
            \(sections.map(Self.section).joined(separator: "\n"))
            </main>
            <footer>Made by Oobleck \(ReportText.escaped(programVersion)) on \
            \(ReportText.escaped(date)). Every number is defined in Documentation/Metrics.md.</footer>
            </body>
            </html>

            """
    }

    /// A part of the page.
    struct Section {
        var id: String
        var title: String
        var body: String
    }

    private var sections: [Section] {
        [
            lossSection, timelineSection, timeSection, recoverySection, checkpointSection,
            planSection, proofSection, jobSection, eventSection,
        ]
        .compactMap(\.self)
    }

    private static func section(_ section: Section) -> String {
        "<section id=\"\(section.id)\">\n<h2>\(section.title)</h2>\n\(section.body)\n</section>"
    }

    /// A picture for wide pages, and one for narrow ones; the style shows one of them.
    static func picture(_ draw: (_ width: Double) -> String, caption: String = "") -> String {
        let text = caption.isEmpty ? "" : "<figcaption>\(ReportText.escaped(caption))</figcaption>"
        return "<figure><div class=\"wide\">\(draw(1000))</div>"
            + "<div class=\"narrow\">\(draw(380))</div>\(text)</figure>"
    }

    /// A table; columns of numbers stand to the right.
    static func table(
        _ columns: [(name: String, isNumber: Bool)],
        _ rows: [[String]]
    ) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            let cells = cells.enumerated().map { column, text in
                let style = columns[column].isNumber ? " class=\"number\"" : ""
                return "<\(tag)\(style)>\(ReportText.escaped(text))</\(tag)>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        let body = rows.map { row($0, "td") }.joined(separator: "\n")
        return "<div class=\"scroll\"><table>\n<thead>\(row(columns.map(\.name), "th"))</thead>\n"
            + "<tbody>\n\(body)\n</tbody></table></div>"
    }

    /// Names and their values.
    static func facts(_ facts: [(String, String)]) -> String {
        let rows = facts.map {
            "<div><dt>\(ReportText.escaped($0.0))</dt><dd>\(ReportText.escaped($0.1))</dd></div>"
        }
        return "<dl class=\"facts\">\n\(rows.joined(separator: "\n"))\n</dl>"
    }
}
