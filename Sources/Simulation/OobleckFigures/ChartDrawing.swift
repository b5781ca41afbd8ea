/// Draws one chart into its frame.
struct ChartDrawing {
    let chart: Chart
    let frame: ChartSheet.Frame
    let across: ChartAxis.Layout
    let up: ChartAxis.Layout

    init(_ chart: Chart, _ frame: ChartSheet.Frame) {
        self.chart = chart
        self.frame = frame
        across = chart.horizontal.layout(
            chart.series.flatMap { $0.points.map(\.x) } + chart.horizontal.reach
        )
        up = chart.vertical.layout(chart.heights)
    }

    func draw(_ svg: inout SVG) {
        for (row, line) in frame.titleLines(chart.title).reversed().enumerated() {
            svg.text(line, x: frame.x, y: frame.y - 12 - 17 * Double(row), size: 14, isBold: true)
        }
        axes(&svg)
        bars(&svg)
        for (index, series) in chart.series.enumerated() {
            let style = ChartStyle(series, index: index)
            switch series.kind {
            case .bars, .stackedBars: break
            case .line, .plainLine: line(series, style, &svg)
            case .points: marks(series, style, &svg)
            case .marks(let bar), .dots(let bar):
                for point in series.points {
                    let x = barCentre(point.x, bar) ?? place(point).x
                    let title = valueText(series, point)
                    Self.single(series.kind, style, x, place(point).y, title, &svg)
                }
            }
        }
        if frame.hasRoomForNames, chart.namesLines { lineNames(&svg) }
    }

    func place(_ point: Chart.Point) -> (x: Double, y: Double) {
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
        let room = labels(bottom, &svg)
        svg.line((frame.x, bottom), (frame.x + frame.width, bottom))
        svg.line((frame.x, frame.y), (frame.x, bottom))
        svg.text(
            chart.horizontal.label,
            x: frame.x + frame.width / 2,
            y: bottom + 26 + room,
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

    /// Writes the values along the horizontal axis and gives how high they are.
    private func labels(_ bottom: Double, _ svg: inout SVG) -> Double {
        let lines = across.ticks.map { $0.label.split(separator: "\n").map(String.init) }
        let upright = chart.horizontal.uprightRoom(width: frame.width)
        // Numbers that would run into each other are left out, every second at a time.
        let room = frame.width / Double(max(1, across.ticks.count))
        let longest = lines.joined().map(\.count).max() ?? 1
        let stride = upright != nil ? 1 : max(1, Int((6.6 * Double(longest) / room).rounded(.up)))
        for (index, tick) in across.ticks.enumerated() where index % stride == 0 {
            let x = frame.x + across.position(tick.value) * frame.width
            svg.line((x, bottom), (x, bottom + 5))
            if let upright {
                let name = lines[index].joined(separator: " ").replacing("- ", with: "-")
                svg.uprightText(name, x: x + 4, y: bottom + 9 + upright / 2, size: 11.5)
                continue
            }
            for (row, line) in lines[index].enumerated() {
                let y = bottom + 19 + 14 * Double(row)
                svg.text(line, x: x, y: y, size: 11.5, anchor: .middle)
            }
        }
        return upright ?? 14 * Double(lines.map(\.count).max() ?? 1)
    }

    private func line(_ series: Chart.Series, _ style: ChartStyle, _ svg: inout SVG) {
        svg.path(
            series.points.map(place),
            stroke: style.colour,
            width: series.kind == .line ? 2 : 1.4,
            dash: style.dash
        )
        if series.kind == .line { marks(series, style, &svg) }
    }

    private func marks(_ series: Chart.Series, _ style: ChartStyle, _ svg: inout SVG) {
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
    func valueText(_ series: Chart.Series, _ point: Chart.Point) -> String {
        let margin = point.margin > 0 ? " +- \(chart.vertical.number(point.margin))" : ""
        let terms = point.terms.map { " (\($0))" } ?? ""
        return "\(series.name): \(chart.vertical.number(point.y))\(margin) \(chart.vertical.unit)"
            + terms
    }
}
