import OobleckFigures

/// Curves over the steps or the time of a run.
struct CurvePicture {
    /// Values that belong together.
    struct Curve {
        var name: String
        var points: [(x: Double, y: Double)]
        /// A variable of the page's style.
        var colour: String
        var dash: String?
        /// Marks at the values.
        var hasMarks = false
    }

    /// Something that happened at a place of the horizontal axis.
    struct Mark {
        var x: Double
        /// One character that tells what it was.
        var symbol: String
        var colour: String
        var title: String
    }

    var label: String
    var horizontalLabel: String
    var verticalLabel: String
    var curves: [Curve]
    var marks: [Mark] = []
    /// The ends of the horizontal axis; from 0 where it is the time of the run.
    var range: ClosedRange<Double>
    var isTime = false
    var vertical: Scale
    var height = 260.0

    private static let top = 30.0
    private static let bottom = 44.0
    /// As that of ``LanePicture``, so that times stand below each other.
    private static let left = LanePicture.left

    /// The picture, of this width in pixels.
    func svg(width: Double) -> String {
        var svg = SVG()
        let count = width > 600 ? 9 : 4
        let horizontal =
            isTime
            ? Scale(time: range.upperBound, count: count)
            : Scale(from: range.lowerBound, to: range.upperBound, count: count)
        let right = 14.0
        let frame = (
            x: Self.left, y: Self.top, width: width - Self.left - right,
            height: height - Self.top - Self.bottom
        )
        func x(_ value: Double) -> Double { frame.x + horizontal.position(value) * frame.width }
        func y(_ value: Double) -> Double {
            frame.y + (1 - vertical.position(value)) * frame.height
        }
        svg.text(verticalLabel, x: 0, y: 12, size: 12, fill: "var(--quiet)")
        legend(&svg, width: width)
        for tick in vertical.ticks {
            svg.line(
                (frame.x, y(tick)),
                (frame.x + frame.width, y(tick)),
                stroke: "var(--line)"
            )
            svg.text(
                vertical.name(tick),
                x: frame.x - 7,
                y: y(tick) + 4,
                size: 12,
                anchor: .end,
                fill: "var(--quiet)"
            )
        }
        let bottom = frame.y + frame.height
        var free = 0.0
        for tick in horizontal.ticks {
            let name = isTime ? horizontal.timeName(tick) : horizontal.name(tick)
            let half = 3.6 * Double(name.count)
            svg.line((x(tick), bottom), (x(tick), bottom + 4), stroke: "var(--quiet)")
            let middle = min(max(x(tick), frame.x + half - 10), width - half)
            guard middle - half >= free else { continue }
            free = middle + half + 8
            svg.text(
                name,
                x: middle,
                y: bottom + 17,
                size: 12,
                anchor: .middle,
                fill: "var(--quiet)"
            )
        }
        svg.line((frame.x, bottom), (frame.x + frame.width, bottom), stroke: "var(--quiet)")
        svg.text(
            horizontalLabel,
            x: frame.x + frame.width / 2,
            y: bottom + 36,
            size: 12,
            anchor: .middle,
            fill: "var(--quiet)"
        )
        draw(marks, from: frame.y, to: bottom, x: x, &svg)
        for curve in curves {
            let points = Thinning.thinned(curve.points, to: Int(frame.width))
                .map { (x: x($0.x), y: y($0.y)) }
            svg.path(points, stroke: curve.colour, width: 2, dash: curve.dash)
            guard curve.hasMarks || points.count == 1 else { continue }
            for (place, point) in zip(points, Thinning.thinned(curve.points, to: Int(frame.width)))
            {
                svg.polygon(
                    [
                        (place.x, place.y - 5), (place.x + 5, place.y), (place.x, place.y + 5),
                        (place.x - 5, place.y),
                    ],
                    fill: "var(--paper)",
                    stroke: curve.colour,
                    title: "\(curve.name): \(ReportText.number(point.y))"
                )
            }
        }
        return svg.part(width: width, height: height, label: label)
    }

    /// Symbols above the curves, those that would overlap only as lines.
    private func draw(
        _ marks: [Mark],
        from top: Double,
        to bottom: Double,
        x: (Double) -> Double,
        _ svg: inout SVG
    ) {
        var free = -Double.infinity
        for mark in marks.sorted(by: { $0.x < $1.x }) {
            let place = x(mark.x)
            // So many that they would hide the curve are short.
            svg.line(
                (place, top),
                (place, marks.count > 40 ? top + 8 : bottom),
                stroke: mark.colour,
                dash: "2 4",
                title: mark.title
            )
            guard place - free >= 12 else { continue }
            free = place
            svg.text(
                mark.symbol,
                x: place,
                y: top - 3,
                size: 12,
                anchor: .middle,
                fill: mark.colour,
                isBold: true
            )
        }
    }

    private func legend(_ svg: inout SVG, width: Double) {
        guard curves.count > 1 else { return }
        var x = width - 4
        for curve in curves.reversed() {
            let text = 6.6 * Double(curve.name.count)
            svg.text(curve.name, x: x, y: 12, size: 12, anchor: .end, fill: "var(--ink)")
            let end = x - text - 8
            if curve.hasMarks {
                svg.polygon(
                    [(end - 8, 3), (end - 3, 8), (end - 8, 13), (end - 13, 8)],
                    fill: "var(--paper)",
                    stroke: curve.colour
                )
            } else {
                svg.path([(end - 22, 8), (end, 8)], stroke: curve.colour, dash: curve.dash)
            }
            x = end - 34
        }
    }
}
