/// Charts side by side under one title and one legend.
public struct ChartSheet: Sendable {
    private let title: String
    private let charts: [Chart]
    private let columns: Int
    private let height: Double

    /// Pixels across that a page on a wide screen has, and on a telephone.
    public static let (wide, narrow) = (1200.0, 420.0)

    /// Charts in rows of `columns`, each `height` pixels high.
    public init(title: String, columns: Int, height: Double = 330, charts: [Chart]) {
        precondition(columns > 0, "a sheet has at least one column")
        self.title = title
        self.charts = charts
        self.columns = columns
        self.height = height
    }

    /// The sheet as SVG, for a wide screen.
    public var svg: String { svg(width: Self.wide) }

    /// The sheet as SVG, `width` pixels wide; texts keep their size, and a narrow one has less
    /// charts in a row.
    public func svg(width: Double) -> String {
        let columns = min(columns, max(1, Int(width / 280)))
        let cell = width / Double(columns)
        let margin = (left: cell < 300 ? 62.0 : 78, right: 20.0, bottom: 62.0)
        let hasNames = cell >= 700 && charts.contains(where: \.namesLines)
        let inner = cell - margin.left - margin.right - (hasNames ? ChartDrawing.nameRoom : 0)
        let lines = charts.map { Frame.titleLines($0.title, width: inner).count }.max() ?? 1
        let top = 17 + 17 * Double(lines)
        let names = charts.compactMap { $0.horizontal.uprightRoom(width: inner) }.max() ?? 0
        let height = height + max(0, names - 28)

        var svg = SVG()
        var y = 30.0
        for line in SVG.lines(title, width: width - 40, size: 19) {
            svg.text(line, x: 20, y: y, size: 19, isBold: true)
            y += 24
        }
        legend(&svg, &y, width: width, leavesOutLines: hasNames)
        for (index, chart) in charts.enumerated() {
            let frame = Frame(
                x: Double(index % columns) * cell + margin.left,
                y: y + Double(index / columns) * height + top,
                width: inner,
                height: height - top - margin.bottom - max(0, names - 28),
                hasRoomForNames: hasNames
            )
            ChartDrawing(chart, frame).draw(&svg)
        }
        let rows = (charts.count + columns - 1) / columns
        return svg.document(
            width: width,
            height: y + Double(rows) * height + 10,
            dark: ChartStyle.dark
        )
    }

    /// Names of all series, each once, in as many lines as they need.
    private func legend(
        _ svg: inout SVG,
        _ y: inout Double,
        width sheet: Double,
        leavesOutLines: Bool
    ) {
        var shown: Set<String> = []
        var x = 24.0
        for chart in charts {
            for (index, series) in chart.series.enumerated()
            where !(leavesOutLines && chart.namesLines && series.kind == .line)
                && series.isInLegend && shown.insert(series.name).inserted
            {
                // Seven pixels a letter are enough for the widest text of this size.
                let width = 62 + 7 * Double(series.name.count)
                if x > 24, x + width > sheet - 20 {
                    x = 24
                    y += 22
                }
                let style = ChartStyle(series, index: index)
                ChartDrawing.sample(series.kind, style, x: x, y: y, &svg)
                svg.text(series.name, x: x + 36, y: y + 4, size: 12.5)
                x += width
            }
        }
        y += shown.isEmpty ? -6 : 14
    }

    /// Where a chart's values are drawn.
    struct Frame {
        let x: Double
        let y: Double
        let width: Double
        let height: Double
        /// Whether names of lines have room to the right of it.
        let hasRoomForNames: Bool

        func titleLines(_ title: String) -> [String] { Self.titleLines(title, width: width) }

        static func titleLines(_ title: String, width: Double) -> [String] {
            SVG.lines(title, width: width + 20, size: 14)
        }
    }
}
