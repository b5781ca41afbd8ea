/// Marks of values, and the samples of the legend.
extension ChartDrawing {
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
        case .line, .plainLine, .points:
            if kind != .points {
                svg.path([(x, y), (x + 30, y)], stroke: style.colour, dash: style.dash)
            }
            if kind != .plainLine {
                mark(style.mark, x + 15, y, 4, style.colour, style.colour, nil, &svg)
            }
        case .marks, .dots: single(kind, style, x + 15, y, nil, &svg)
        }
    }

    /// A hollow mark, or a small full one.
    static func single(
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

    static func mark(
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
