/// One page with all figures, what they say and what differs from the publication.
struct EvaluationPage {
    let figures: [Figure]
    let differences: [EvaluationResult.Difference]
    let provenance: [String]
    let hasSpotTraces: Bool

    var html: String {
        let contents = figures.map {
            "<li><a href=\"#\($0.name)\">\(Self.escaped($0.title))</a></li>"
        }
        let sections = figures.map { figure in
            // The XML declaration has no place inside of a page.
            let svg = figure.svg.split(separator: "\n", maxSplits: 1).last.map(String.init) ?? ""
            return """
                <section id="\(figure.name)">
                <h2>\(Self.escaped(figure.title))</h2>
                <p>\(Self.escaped(figure.text)) <a href="\(figure.name).csv">numbers</a></p>
                \(svg)
                </section>
                """
        }
        let rows = differences.map {
            "<tr><th>\(Self.escaped($0.what))</th><td>\(Self.escaped($0.size))</td>"
                + "<td>\(Self.escaped($0.cause))</td></tr>"
        }
        let missing =
            hasSpotTraces
            ? ""
            : "<p class=\"note\">The figures over spot traces are left out: give the folder of the "
                + "public traces with <code>--traces</code>.</p>"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Oobleck: the evaluation, reproduced and extended</title>
            <style>
            body { font: 16px/1.5 sans-serif; color: #111; max-width: 1240px; margin: 2em auto;
            padding: 0 1em; }
            svg { width: 100%; height: auto; border: 1px solid #ddd; }
            p { max-width: 75ch; }
            table { border-collapse: collapse; }
            th, td { border: 1px solid #ccc; padding: .4em .7em; text-align: left;
            vertical-align: top; }
            .note { background: #fff3d6; padding: .5em 1em; }
            footer { color: #555; font-size: 13px; overflow-wrap: anywhere; }
            </style>
            </head>
            <body>
            <h1>Oobleck: the evaluation, reproduced and extended</h1>
            <p>The evaluation of Jang et al., SOSP 2023, is a simulation. The first figures are that
            simulation run again, to the digit, beside the printed values and beside the same runs with
            its mistakes set right. The last ones come from a model of the machines in which the
            production planner and its reconfiguration answer to every failure.</p>
            \(missing)
            <ul>
            \(contents.joined(separator: "\n"))
            <li><a href="#differences">Differences from the publication</a></li>
            </ul>
            \(sections.joined(separator: "\n"))
            <section id="differences">
            <h2>Differences from the publication</h2>
            <table>
            <tr><th>what</th><th>size</th><th>cause</th></tr>
            \(rows.joined(separator: "\n"))
            </table>
            </section>
            <footer>
            <h2>Provenance</h2>
            <p>\(provenance.map(Self.escaped).joined(separator: "<br>"))</p>
            </footer>
            </body>
            </html>

            """
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
