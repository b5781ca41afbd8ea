/// Bars, side by side or on top of each other.
extension ChartDrawing {
    private var sideBySide: [Int] {
        chart.series.indices.filter { chart.series[$0].kind == .bars }
    }

    /// Width of the place of one category.
    private var slot: Double { frame.width / max(1, across.high - across.low) }

    /// The middle of a series' bar at a category; of the whole category without one.
    func barCentre(_ category: Double, _ series: Int?) -> Double? {
        guard let series, let index = sideBySide.firstIndex(of: series) else { return nil }
        let width = 0.8 * slot / Double(sideBySide.count)
        let first = frame.x + across.position(category) * frame.width - 0.4 * slot
        return first + (Double(index) + 0.5) * width
    }

    func bars(_ svg: inout SVG) {
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
                case .line, .plainLine, .points, .marks, .dots: break
                }
            }
        }
    }
}
