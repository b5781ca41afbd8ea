/// Draws one chart into its frame.
struct ChartDrawing {
    private let chart: Chart
    private let frame: ChartSheet.Frame
    private let across: ChartAxis.Layout
    private let up: ChartAxis.Layout

    init(_ chart: Chart, _ frame: ChartSheet.Frame) {
        self.chart = chart
        self.frame = frame
        across = chart.horizontal.layout(chart.series.flatMap { $0.points.map(\.x) })
        up = chart.vertical.layout(chart.heights)
    }

    func draw(_ svg: inout SVG) {
        svg.text(chart.title, x: frame.x, y: frame.y - 12, size: 14, isBold: true)
        axes(&svg)
        bars(&svg)
        for (index, series) in chart.series.enumerated() {
            let style = ChartStyle(series, index: index)
            switch series.kind {
            case .bars, .stackedBars: break
            case .line: line(series, style, hasMarks: true, &svg)
            case .plainLine: line(series, style, hasMarks: false, &svg)
            case .marks(let bar), .dots(let bar):
                for point in series.points {
                    let x = barCentre(point.x, bar) ?? place(point).x
                    let title = valueText(series, point)
                    Self.single(series.kind, style, x, place(point).y, title, &svg)
                }
            }
        }
    }

    private func place(_ point: Chart.Point) -> (x: Double, y: Double) {
        (
            frame.x + across.position(point.x) * frame.width,
            frame.y + (1 - up.position(point.y)) * frame.height
        )
    }

    private func axes(_ svg: inout SVG) {
        let bottom = frame.y + frame.height
        for tick in up.ticks {
            let y = frame.y + (1 - up.position(tick.value)) * frame.height
            svg.line((frame.x, y), (frame.x + frame.width, y), stroke: "#dddddd")
            svg.text(tick.label, x: frame.x - 7, y: y + 4, size: 11.5, anchor: .end)
        }
        let lines = across.ticks.map { $0.label.split(separator: "\n").map(String.init) }
        // Labels that would run into each other are left out, every second at a time.
        let room = frame.width / Double(max(1, across.ticks.count))
        let longest = lines.joined().map(\.count).max() ?? 1
        let stride = max(1, Int((6.6 * Double(longest) / room).rounded(.up)))
        for (index, tick) in across.ticks.enumerated() where index % stride == 0 {
            let x = frame.x + across.position(tick.value) * frame.width
            svg.line((x, bottom), (x, bottom + 5))
            for (row, line) in lines[index].enumerated() {
                let y = bottom + 19 + 14 * Double(row)
                svg.text(line, x: x, y: y, size: 11.5, anchor: .middle)
            }
        }
        svg.line((frame.x, bottom), (frame.x + frame.width, bottom))
        svg.line((frame.x, frame.y), (frame.x, bottom))
        svg.text(
            chart.horizontal.label,
            x: frame.x + frame.width / 2,
            y: bottom + 26 + 14 * Double(lines.map(\.count).max() ?? 1),
            size: 12.5,
            anchor: .middle
        )
        svg.uprightText(
            chart.vertical.label,
            x: frame.x - 56,
            y: frame.y + frame.height / 2,
            size: 12.5
        )
    }

    private var sideBySide: [Int] {
        chart.series.indices.filter { chart.series[$0].kind == .bars }
    }

    /// Width of the place of one category.
    private var slot: Double { frame.width / max(1, across.high - across.low) }

    /// The middle of a series' bar at a category; of the whole category without one.
    private func barCentre(_ category: Double, _ series: Int?) -> Double? {
        guard let series, let index = sideBySide.firstIndex(of: series) else { return nil }
        let width = 0.8 * slot / Double(sideBySide.count)
        let first = frame.x + across.position(category) * frame.width - 0.4 * slot
        return first + (Double(index) + 0.5) * width
    }

    private func bars(_ svg: inout SVG) {
        let bottom = frame.y + frame.height
        let width = 0.8 * slot / Double(max(1, sideBySide.count))
        var stacked: [Double: Double] = [:]
        for (index, series) in chart.series.enumerated() {
            let style = ChartStyle(series, index: index)
            for point in series.points {
                let title = valueText(series, point)
                switch series.kind {
                case .bars:
                    let y = place(point).y
                    let x = (barCentre(point.x, index) ?? 0) - width / 2
                    svg.rectangle(
                        x: x,
                        y: y,
                        width: width * 0.92,
                        height: bottom - y,
                        fill: style.colour,
                        title: title
                    )
                case .stackedBars:
                    let base = stacked[point.x] ?? 0
                    stacked[point.x] = base + point.y
                    let low = frame.y + (1 - up.position(base)) * frame.height
                    let high = frame.y + (1 - up.position(base + point.y)) * frame.height
                    svg.rectangle(
                        x: frame.x + across.position(point.x) * frame.width - 0.35 * slot,
                        y: high,
                        width: 0.7 * slot,
                        height: low - high,
                        fill: style.colour,
                        title: title
                    )
                case .line, .plainLine, .marks, .dots: break
                }
            }
        }
    }

    private func line(
        _ series: Chart.Series,
        _ style: ChartStyle,
        hasMarks: Bool,
        _ svg: inout SVG
    ) {
        svg.path(
            series.points.map(place),
            stroke: style.colour,
            width: hasMarks ? 2 : 1.4,
            dash: style.dash
        )
        guard hasMarks else { return }
        for point in series.points {
            let (x, y) = place(point)
            if point.margin > 0 {
                let low = place(Chart.Point(point.x, point.y - point.margin)).y
                let high = place(Chart.Point(point.x, point.y + point.margin)).y
                svg.line((x, low), (x, high), stroke: style.colour)
                svg.line((x - 4, low), (x + 4, low), stroke: style.colour)
                svg.line((x - 4, high), (x + 4, high), stroke: style.colour)
            }
            let title = valueText(series, point)
            Self.mark(style.mark, x, y, 4, style.colour, style.colour, title, &svg)
        }
    }

    /// What the browser shows for a value.
    private func valueText(_ series: Chart.Series, _ point: Chart.Point) -> String {
        let margin = point.margin > 0 ? " +- \(chart.vertical.number(point.margin))" : ""
        let terms = point.terms.map { " (\($0))" } ?? ""
        return "\(series.name): \(chart.vertical.number(point.y))\(margin) \(chart.vertical.label)"
            + terms
    }

    /// What stands for a series in the legend, 30 pixels wide.
    static func sample(
        _ kind: Chart.Kind,
        _ style: ChartStyle,
        x: Double,
        y: Double,
        _ svg: inout SVG
    ) {
        switch kind {
        case .bars, .stackedBars:
            svg.rectangle(x: x + 4, y: y - 7, width: 22, height: 14, fill: style.colour)
        case .line, .plainLine:
            svg.path([(x, y), (x + 30, y)], stroke: style.colour, dash: style.dash)
            if kind == .line {
                mark(style.mark, x + 15, y, 4, style.colour, style.colour, nil, &svg)
            }
        case .marks, .dots: single(kind, style, x + 15, y, nil, &svg)
        }
    }

    /// A hollow mark, or a small full one.
    private static func single(
        _ kind: Chart.Kind,
        _ style: ChartStyle,
        _ x: Double,
        _ y: Double,
        _ title: String?,
        _ svg: inout SVG
    ) {
        let isHollow = if case .marks = kind { true } else { false }
        let fill = isHollow ? "#ffffff" : "#000000"
        mark(style.mark, x, y, isHollow ? 5.5 : 2.4, fill, "#000000", title, &svg)
    }

    private static func mark(
        _ mark: ChartStyle.Mark,
        _ x: Double,
        _ y: Double,
        _ r: Double,
        _ fill: String,
        _ stroke: String,
        _ title: String?,
        _ svg: inout SVG
    ) {
        let unit: [(Double, Double)] =
            switch mark {
            case .circle:
                [
                    (1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1),
                    (0.7, -0.7),
                ]
            case .square: [(0.9, 0.9), (-0.9, 0.9), (-0.9, -0.9), (0.9, -0.9)]
            case .triangle: [(0, -1.2), (1.1, 0.9), (-1.1, 0.9)]
            case .diamond: [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)]
            case .down: [(0, 1.2), (1.1, -0.9), (-1.1, -0.9)]
            case .cross:
                [
                    (0.4, -1.1), (0.4, -0.4), (1.1, -0.4), (1.1, 0.4), (0.4, 0.4), (0.4, 1.1),
                    (-0.4, 1.1), (-0.4, 0.4), (-1.1, 0.4), (-1.1, -0.4), (-0.4, -0.4), (-0.4, -1.1),
                ]
            }
        svg.polygon(
            unit.map { (x + $0.0 * r, y + $0.1 * r) },
            fill: fill,
            stroke: stroke,
            title: title
        )
    }
}
