/// Charts side by side under one title and one legend.
public struct ChartSheet: Sendable {
    private static let width = 1200.0
    private static let margin = (left: 78.0, right: 24.0, top: 34.0, bottom: 62.0)

    private let title: String
    private let charts: [Chart]
    private let columns: Int
    private let height: Double

    /// Charts in rows of `columns`, each `height` pixels high.
    public init(title: String, columns: Int, height: Double = 330, charts: [Chart]) {
        precondition(columns > 0, "a sheet has at least one column")
        self.title = title
        self.charts = charts
        self.columns = columns
        self.height = height
    }

    /// The sheet as SVG.
    public var svg: String {
        var svg = SVG()
        svg.text(title, x: 20, y: 30, size: 19, isBold: true)
        var y = 54.0
        legend(&svg, &y)
        let cell = Self.width / Double(columns)
        for (index, chart) in charts.enumerated() {
            let frame = Frame(
                x: Double(index % columns) * cell + Self.margin.left,
                y: y + Double(index / columns) * height + Self.margin.top,
                width: cell - Self.margin.left - Self.margin.right,
                height: height - Self.margin.top - Self.margin.bottom
            )
            ChartDrawing(chart, frame).draw(&svg)
        }
        let rows = (charts.count + columns - 1) / columns
        return svg.document(width: Self.width, height: y + Double(rows) * height + 10)
    }

    /// Names of all series, each once, in as many lines as they need.
    private func legend(_ svg: inout SVG, _ y: inout Double) {
        var shown: Set<String> = []
        var x = 24.0
        for chart in charts {
            for (index, series) in chart.series.enumerated()
            where shown.insert(series.name).inserted {
                // Seven pixels a letter are enough for the widest text of this size.
                let width = 62 + 7 * Double(series.name.count)
                if x + width > Self.width - 20 {
                    x = 24
                    y += 22
                }
                let style = ChartStyle(series, index: index)
                ChartDrawing.sample(series.kind, style, x: x, y: y, &svg)
                svg.text(series.name, x: x + 36, y: y + 4, size: 12.5)
                x += width
            }
        }
        y += 14
    }

    /// Where a chart's values are drawn.
    struct Frame {
        let x: Double
        let y: Double
        let width: Double
        let height: Double
    }
}
