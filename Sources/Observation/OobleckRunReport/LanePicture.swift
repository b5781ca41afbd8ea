import OobleckCore
import OobleckFigures

/// What each node did over the time of a run: a row for each, with its pipelines, losses and joins.
struct LanePicture {
    var lanes: [NodeLane]
    var clock: StoryClock
    /// When each generation began, since 1970.
    var generations: [(number: Generation, time: Double)]

    private static let top = 30.0
    static let left = 64.0
    private static let right = 14.0
    /// Pipelines that have a colour of their own; the page's style has as many.
    static let colours = 6

    /// Stretches beyond which they have neither texts nor explanations of their own.
    private static let mostDetails = 2_000

    private var isCompact: Bool {
        lanes.reduce(0) { $0 + $1.spans.count } > Self.mostDetails
    }

    private var rowHeight: Double {
        switch lanes.count {
        case ...20: 22
        case ...60: 14
        default: 7
        }
    }

    /// The height, with the axis.
    private var height: Double { Self.top + rowHeight * Double(max(1, lanes.count)) + 44 }

    /// The picture, of this width in pixels.
    func svg(width: Double) -> String {
        var svg = SVG()
        let scale = Scale(time: clock.total, count: width > 600 ? 9 : 4)
        let room = width - Self.left - Self.right
        func x(_ time: Double) -> Double { Self.left + scale.position(clock.elapsed(time)) * room }
        let bottom = Self.top + rowHeight * Double(lanes.count)
        drawGenerations(x, bottom, &svg)
        if isCompact { drawSpans(x, &svg) }
        for (row, lane) in lanes.enumerated() {
            draw(lane, y: Self.top + rowHeight * Double(row), x, row: row, &svg)
        }
        svg.line((Self.left, bottom), (width - Self.right, bottom), stroke: "var(--quiet)")
        for tick in scale.ticks {
            let place = Self.left + scale.position(tick) * room
            svg.line((place, bottom), (place, bottom + 4), stroke: "var(--quiet)")
            svg.text(
                scale.timeName(tick),
                x: place,
                y: bottom + 17,
                size: 12,
                anchor: .middle,
                fill: "var(--quiet)"
            )
        }
        for place in clock.breaks.map({ Self.left + scale.position($0) * room }) {
            svg.line(
                (place, Self.top),
                (place, bottom),
                stroke: "var(--ink)",
                width: 2,
                dash: "5 4"
            )
        }
        svg.text(
            "time since the start",
            x: Self.left + room / 2,
            y: bottom + 36,
            size: 12,
            anchor: .middle,
            fill: "var(--quiet)"
        )
        return svg.part(
            width: width,
            height: height,
            label: "What each of \(counted(lanes.count, "node")) did over the time of the run"
        )
    }

    /// The start of each generation, with its number where there is room.
    private func drawGenerations(
        _ x: (Double) -> Double,
        _ bottom: Double,
        _ svg: inout SVG
    ) {
        svg.text("generation", x: 0, y: 12, size: 11, fill: "var(--quiet)")
        var free = -Double.infinity
        for generation in generations {
            let place = x(generation.time)
            let title = "generation \(generation.number)"
            svg.line((place, Self.top - 8), (place, bottom), stroke: "var(--line)", title: title)
            guard place - free >= 20, place > 64 || free < 0 else { continue }
            free = place
            svg.text(
                "\(generation.number)",
                x: max(place, 70),
                y: 16,
                size: 12,
                anchor: .middle,
                fill: "var(--quiet)"
            )
        }
    }

    private func draw(
        _ lane: NodeLane,
        y: Double,
        _ x: (Double) -> Double,
        row: Int,
        _ svg: inout SVG
    ) {
        let middle = y + rowHeight / 2
        if rowHeight > 10 || row % 10 == 0 {
            svg.text(
                "node \(lane.node)",
                x: Self.left - 8,
                y: middle + 4,
                size: rowHeight > 16 ? 12 : 10,
                anchor: .end,
                fill: "var(--ink)"
            )
        }
        if !isCompact {
            for span in lane.spans { draw(span, of: lane, y: y, x, &svg) }
        }
        guard let end = lane.end else { return }
        let mark: (symbol: String, colour: String, text: String)? =
            switch end.how {
            case .lost(let cause): ("\u{2715}", "var(--bad)", "lost: \(cause)")
            case .left: ("\u{25BC}", "var(--ink)", "left, as it was asked to")
            case .done: nil
            }
        guard let mark else { return }
        let place = x(end.time)
        svg.line(
            (place, y),
            (place, y + rowHeight - 1),
            stroke: mark.colour,
            width: 2,
            title: "node \(lane.node) \(mark.text)"
        )
        svg.text(
            mark.symbol,
            x: place + 4,
            y: middle + 4,
            size: min(13, rowHeight),
            fill: mark.colour,
            isBold: true
        )
    }

    /// All stretches, those of one colour in one shape.
    private func drawSpans(_ x: (Double) -> Double, _ svg: inout SVG) {
        typealias Box = (x: Double, y: Double, width: Double, height: Double)
        var boxes: [String: [Box]] = [:]
        let gap = rowHeight > 10 ? 3.0 : 1.0
        for (row, lane) in lanes.enumerated() {
            let y = Self.top + rowHeight * Double(row) + gap / 2
            for span in lane.spans {
                let fill: String
                switch span.activity {
                case .waiting: continue
                case .recovering: fill = "var(--bad)"
                case .training(let pipeline, _, _):
                    fill = "var(--p\((pipeline ?? 0) % Self.colours))"
                }
                let (start, end) = (x(span.start), x(span.end))
                // What is less than a pixel from the stretch of this colour before it is one with it.
                let count = boxes[fill]?.count ?? 0
                let last = boxes[fill]?.last
                if let last, last.y == y, start - (last.x + last.width) < 1 {
                    boxes[fill]?[count - 1].width = end - last.x
                } else if end - start >= 0.3 {
                    boxes[fill, default: []].append((start, y, end - start, rowHeight - gap))
                }
            }
        }
        for (fill, boxes) in boxes.sorted(by: { $0.key < $1.key }) {
            svg.rectangles(boxes, fill: fill)
        }
    }

    private func draw(
        _ span: NodeLane.Span,
        of lane: NodeLane,
        y: Double,
        _ x: (Double) -> Double,
        _ svg: inout SVG
    ) {
        let (start, end) = (x(span.start), x(span.end))
        let gap = rowHeight > 10 ? 3.0 : 1.0
        var fill = "var(--paper)"
        var stroke: String? = "var(--quiet)"
        var text = ""
        var title = "node \(lane.node)"
        switch span.activity {
        case .waiting: title += " has no work"
        case .recovering:
            // A hatch needs some room to be seen.
            let isWide = end - start >= 8
            fill = isWide ? "url(#hatch)" : "var(--bad)"
            if !isWide { stroke = nil }
            title += " waits for the plan after generation \(span.generation ?? 0)"
        case .training(let pipeline, let stage, let stages):
            stroke = nil
            fill = "var(--p\((pipeline ?? 0) % Self.colours))"
            title += " trains"
            if let pipeline, let stage {
                text = PipelineName.of(pipeline)
                let range =
                    stages > 1 ? "stages \(stage) to \(stage + stages - 1)" : "stage \(stage)"
                title += " \(range) of pipeline \(text)"
            }
        }
        let took = ReportText.seconds(span.end - span.start)
        svg.rectangle(
            x: start,
            y: y + gap / 2,
            width: max(0.6, end - start - 0.5),
            height: rowHeight - gap,
            fill: fill,
            title: title + (span.generation.map { ", generation \($0)" } ?? "") + ", \(took)",
            stroke: stroke
        )
        guard rowHeight > 10, !text.isEmpty, end - start > 9 + 6 * Double(text.count) else {
            return
        }
        svg.text(
            text,
            x: (start + end) / 2,
            y: y + rowHeight / 2 + 4,
            size: rowHeight > 16 ? 12 : 10,
            anchor: .middle,
            fill: "var(--ink)"
        )
    }
}

/// How pipelines are named on a page: `A` to `Z`, then `A1` and so on.
package enum PipelineName {
    /// The name of the pipeline of this index.
    package static func of(_ index: Int) -> String {
        let letter = String(UnicodeScalar(UInt8(65 + index % 26)))
        return index < 26 ? letter : "\(letter)\(index / 26)"
    }
}
