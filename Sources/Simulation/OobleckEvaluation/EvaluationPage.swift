import OobleckFigures

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
            """
            <section id="\(figure.name)">
            <h2>\(Self.escaped(figure.title))</h2>
            <p>\(Self.escaped(figure.text)) <a href="\(figure.name).csv">numbers</a></p>
            <div class="wide">\(Self.picture(figure, ChartSheet.wide))</div>
            <div class="narrow">\(Self.picture(figure, ChartSheet.narrow))</div>
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
            :root { color-scheme: light dark; --ink: #111; --page: #fff; --line: #ddd; --note: #fff3d6;
            --quiet: #555; --link: #1257a6; }
            @media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --page: #14181d;
            --line: #333b44; --note: #3a3119; --quiet: #9aa4af; --link: #6cb0ff; } }
            body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
            max-width: 1240px; margin: 2em auto; padding: 0 1em; }
            a { color: var(--link); }
            svg { width: 100%; height: auto; border: 1px solid var(--line); }
            .narrow { display: none; }
            @media (max-width: 700px) { .wide { display: none; } .narrow { display: block; } }
            @media print { .wide { display: block; } .narrow { display: none; } }
            p { max-width: 75ch; }
            .scroll { overflow-x: auto; }
            table { border-collapse: collapse; }
            th, td { border: 1px solid var(--line); padding: .4em .7em; text-align: left;
            vertical-align: top; }
            .note { background: var(--note); padding: .5em 1em; }
            footer { color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }
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
            <div class="scroll"><table>
            <tr><th>what</th><th>size</th><th>cause</th></tr>
            \(rows.joined(separator: "\n"))
            </table></div>
            </section>
            <footer>
            <h2>Provenance</h2>
            <p>\(provenance.map(Self.escaped).joined(separator: "<br>"))</p>
            </footer>
            </body>
            </html>

            """
    }

    /// A picture without its XML declaration, which has no place inside of a page.
    private static func picture(_ figure: Figure, _ width: Double) -> String {
        figure.sheet.svg(width: width).split(separator: "\n", maxSplits: 1).last
            .map(String.init) ?? ""
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
