import OobleckCore

/// Pipelines before and after a reconfiguration: a row for each pipeline, a box for each node over the
/// layers that it holds, and under it what it copied and from whom.
public struct PipelineChart: Sendable {
    /// A node and its layers.
    public struct Box: Sendable {
        /// What becomes of the node, or became of it.
        public enum State: Sendable {
            /// It goes on.
            case working
            /// It is lost.
            case lost
            /// It has just joined.
            case joined
        }

        /// Layers that the node copied from another.
        public struct Copy: Sendable {
            /// The layers.
            public var layers: Range<Int>
            /// Where they came from, as `from node 3`.
            public var source: String
            /// The same for each layer, for who asks.
            public var details: String

            /// Layers and where they came from.
            public init(layers: Range<Int>, source: String, details: String) {
                self.layers = layers
                self.source = source
                self.details = details
            }
        }

        /// The node's name, as `node 3`.
        public var name: String
        /// The layers that it holds.
        public var layers: Range<Int>
        /// The pipeline that it comes from, which gives it its colour; `nil` is from none.
        public var origin: Int?
        /// What becomes of it.
        public var state: State
        /// What it copied.
        public var copies: [Copy]

        /// A node and its layers.
        public init(
            name: String,
            layers: Range<Int>,
            origin: Int?,
            state: State = .working,
            copies: [Copy] = []
        ) {
            self.name = name
            self.layers = layers
            self.origin = origin
            self.state = state
            self.copies = copies
        }
    }

    /// A pipeline.
    public struct Row: Sendable {
        /// What stands above it.
        public var title: String
        /// Its nodes, by layers.
        public var boxes: [Box]

        /// A pipeline of these nodes.
        public init(title: String, boxes: [Box]) {
            self.title = title
            self.boxes = boxes
        }
    }

    private static let width = 1200.0
    private static let margin = 20.0
    private static let gap = 56.0
    private static let (rowHeight, boxHeight, copyHeight) = (88.0, 44.0, 15.0)
    private static let top = 104.0
    private static let colours = [
        "#bcd4ee", "#fbd9a5", "#c5e3bf", "#e3c9ea", "#f6c5c0", "#cfe8ea", "#e6e0b3", "#d8d3cd",
    ]
    private static let (newcomer, copied, lost, ink) = ("#ffffff", "#d9480f", "#c92a2a", "#111111")

    private let title: String
    private let layerCount: Int
    private let before: [Row]
    private let after: [Row]

    /// A chart of pipelines over `layerCount` layers.
    public init(title: String, layerCount: Int, before: [Row], after: [Row]) {
        precondition(layerCount > 0, "there is a layer")
        self.title = title
        self.layerCount = layerCount
        self.before = before
        self.after = after
    }

    private var panelWidth: Double { (Self.width - 2 * Self.margin - Self.gap) / 2 }

    /// The chart as SVG.
    public var svg: String {
        var svg = SVG()
        svg.text(title, x: Self.margin, y: 30, size: 18, isBold: true)
        legend(&svg)
        let rows = max(before.count, after.count)
        let right = Self.margin + panelWidth + Self.gap
        panel("before", before, x: Self.margin, &svg)
        panel("after", after, x: right, &svg)
        let middle = Self.top + Double(rows) * Self.rowHeight / 2
        arrow(from: Self.margin + panelWidth + 12, to: right - 12, y: middle, &svg)
        let end = Self.top + 18 + Double(rows) * Self.rowHeight
        axis(x: Self.margin, y: end, &svg)
        axis(x: right, y: end, &svg)
        return svg.document(width: Self.width, height: end + 34)
    }

    private func legend(_ svg: inout SVG) {
        let y = 44.0
        var x = Self.margin
        svg.rectangle(x: x, y: y, width: 14, height: 14, fill: Self.colours[0], stroke: "#555")
        svg.text("a node; colour: its pipeline before", x: x + 20, y: y + 12)
        x += 240
        svg.rectangle(x: x, y: y, width: 14, height: 14, fill: "#fff5f5", stroke: Self.lost)
        cross(x: x, y: y, width: 14, height: 14, &svg)
        svg.text("lost", x: x + 20, y: y + 12)
        x += 80
        svg.rectangle(x: x, y: y + 4, width: 22, height: 6, fill: Self.copied)
        svg.text("layers copied, and from which node", x: x + 28, y: y + 12)
        x += 260
        svg.text("width: layers of the model", x: x, y: y + 12, fill: "#555")
    }

    private func panel(_ name: String, _ rows: [Row], x: Double, _ svg: inout SVG) {
        svg.text(name, x: x, y: Self.top - 14, size: 15, isBold: true)
        for (index, row) in rows.enumerated() {
            let y = Self.top + Double(index) * Self.rowHeight
            svg.text(row.title, x: x, y: y + 14, fill: "#333")
            for box in row.boxes { draw(box, x: x, y: y + 20, &svg) }
        }
    }

    private func place(_ layers: Range<Int>, x: Double) -> (x: Double, width: Double) {
        let scale = panelWidth / Double(layerCount)
        return (x + Double(layers.lowerBound) * scale, Double(layers.count) * scale)
    }

    private func draw(_ box: Box, x panel: Double, y: Double, _ svg: inout SVG) {
        let (x, width) = place(box.layers, x: panel)
        let isLost = box.state == .lost
        let colour = box.origin.map { Self.colours[$0 % Self.colours.count] } ?? Self.newcomer
        svg.rectangle(
            x: x + 1,
            y: y,
            width: width - 2,
            height: Self.boxHeight,
            fill: isLost ? "#fff5f5" : colour,
            title: "\(box.name): \(Self.layersText(box.layers))",
            stroke: isLost ? Self.lost : "#555",
            dash: box.state == .working ? nil : "5 3"
        )
        if isLost { cross(x: x + 1, y: y, width: width - 2, height: Self.boxHeight, &svg) }
        let lines = [
            box.name + (box.state == .joined ? ", new" : ""), Self.layersText(box.layers),
        ]
        for (index, text) in lines.enumerated() {
            let size = Self.fitting(text, size: index == 0 ? 13 : 11, width: width - 6)
            svg.text(
                text,
                x: x + width / 2,
                y: y + 18 + 16 * Double(index),
                size: size,
                anchor: .middle,
                fill: isLost ? Self.lost : Self.ink,
                isBold: index == 0
            )
        }
        for index in box.copies.indices { drawCopy(index, of: box, x: panel, y: y, &svg) }
    }

    /// A strip over the layers, and beneath it the source: left of the next one's, or where there is
    /// too little room, up to the end of the box.
    private func drawCopy(
        _ index: Int,
        of box: Box,
        x panel: Double,
        y: Double,
        _ svg: inout SVG
    ) {
        let copy = box.copies[index]
        let (x, width) = place(copy.layers, x: panel)
        let (left, whole) = place(box.layers, x: panel)
        svg.rectangle(
            x: x + 2,
            y: y + Self.boxHeight - 5,
            width: width - 4,
            height: 5,
            fill: Self.copied,
            title: copy.details
        )
        let isLast = index == box.copies.count - 1
        let end = isLast ? left + whole : place(box.copies[index + 1].layers, x: panel).x
        let needed = 0.56 * 12 * Double(copy.source.count)
        let isToTheEnd = isLast && end - x < needed
        svg.text(
            copy.source,
            x: isToTheEnd ? end - 2 : x + 2,
            y: y + Self.boxHeight + Self.copyHeight - 2,
            size: Self.fitting(copy.source, size: 12, width: isToTheEnd ? whole : end - x),
            anchor: isToTheEnd ? .end : .start,
            fill: Self.copied
        )
    }

    private func cross(
        x: Double,
        y: Double,
        width: Double,
        height: Double,
        _ svg: inout SVG
    ) {
        svg.line((x, y), (x + width, y + height), stroke: "#f1aeb5")
        svg.line((x, y + height), (x + width, y), stroke: "#f1aeb5")
    }

    private func arrow(from start: Double, to end: Double, y: Double, _ svg: inout SVG) {
        svg.path([(start, y), (end - 8, y)], stroke: "#555", width: 3)
        svg.polygon(
            [(end, y), (end - 11, y - 7), (end - 11, y + 7)],
            fill: "#555",
            stroke: "#555"
        )
    }

    private func axis(x: Double, y: Double, _ svg: inout SVG) {
        svg.line((x, y), (x + panelWidth, y))
        // As many ticks as have room, and the last layer's end.
        let stride = max(1, (layerCount + 15) / 16)
        for layer in Swift.stride(from: 0, to: layerCount, by: stride) {
            let (left, width) = place(layer..<layer + 1, x: x)
            svg.line((left, y), (left, y + 4))
            svg.text(
                "\(layer)",
                x: left + width / 2,
                y: y + 17,
                size: 11,
                anchor: .middle,
                fill: "#555"
            )
        }
        svg.line((x + panelWidth, y), (x + panelWidth, y + 4))
    }

    private static func layersText(_ layers: Range<Int>) -> String {
        layers.count == 1
            ? "layer \(layers.lowerBound)"
            : "layers \(layers.lowerBound)-\(layers.upperBound - 1)"
    }

    /// The size at which a text keeps within a width: letters are about 0.56 of it wide.
    private static func fitting(_ text: String, size: Double, width: Double) -> Double {
        max(7, min(size, width / (0.56 * Double(max(1, text.count)))))
    }
}
