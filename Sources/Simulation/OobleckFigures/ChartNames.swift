/// Names of lines at their right ends.
extension ChartDrawing {
    /// Pixels that the names take to the right of a chart.
    static let nameRoom = 230.0
    private static let nameHeight = 16.0

    /// Writes the name of each line beside its last value; names that would cover each other move apart,
    /// and a thin line leads from each to its value.
    func lineNames(_ svg: inout SVG) {
        var names: [(series: Int, end: (x: Double, y: Double))] = []
        for (index, series) in chart.series.enumerated() where series.kind == .line {
            guard let last = series.points.max(by: { $0.x < $1.x }) else { continue }
            names.append((index, place(last)))
        }
        names.sort { ($0.end.y, $0.series) < ($1.end.y, $1.series) }
        let heights = Self.apart(
            names.map(\.end.y),
            by: Self.nameHeight,
            within: frame.y...(frame.y + frame.height)
        )
        let x = frame.x + frame.width + 14
        for (name, y) in zip(names, heights) {
            let series = chart.series[name.series]
            let style = ChartStyle(series, index: name.series)
            svg.line((name.end.x + 5, name.end.y), (x, y), stroke: "#dddddd")
            svg.path([(x, y), (x + 18, y)], stroke: style.colour, dash: style.dash)
            Self.mark(style.mark, x + 9, y, 3.5, style.colour, style.colour, nil, &svg)
            svg.text(series.name, x: x + 24, y: y + 4, size: 12)
        }
    }

    /// Sorted heights, moved as little as makes them `distance` apart, inside of a range if they fit.
    static func apart(
        _ heights: [Double],
        by distance: Double,
        within range: ClosedRange<Double>
    ) -> [Double] {
        var moved = heights
        for index in moved.indices.dropFirst() {
            moved[index] = max(moved[index], moved[index - 1] + distance)
        }
        var lowest = range.upperBound
        for index in moved.indices.reversed() {
            moved[index] = min(moved[index], lowest)
            lowest = moved[index] - distance
        }
        return moved
    }
}
