/// Values to draw against each other, with axes and a name for each series.
public struct Chart: Sendable {
    /// One value, with the half width of its interval if it has one.
    public struct Point: Sendable, Hashable {
        /// Along the horizontal axis; of categories, their index.
        public var x: Double
        /// Along the vertical axis.
        public var y: Double
        /// Half of the interval around `y`.
        public var margin: Double
        /// Of a ratio, what is divided by what, as `8 s of 10 s`.
        public var terms: String?

        /// One value.
        public init(_ x: Double, _ y: Double, margin: Double = 0, terms: String? = nil) {
            self.x = x
            self.y = y
            self.margin = margin
            self.terms = terms
        }
    }

    /// How a series is drawn.
    public enum Kind: Sendable, Equatable {
        /// A line with a mark at each value.
        case line
        /// Marks without a line, for values of categories.
        case points
        /// A line without marks.
        case plainLine
        /// Bars side by side at each category.
        case bars
        /// Bars on top of each other at each category.
        case stackedBars
        /// Hollow marks, for published values; over the bars of the series of this index.
        case marks(overBars: Int?)
        /// Small full marks, which leave a hollow one around them to be seen; over bars likewise.
        case dots(overBars: Int?)
    }

    /// Values that belong together.
    public struct Series: Sendable {
        /// Its name in the legend.
        public var name: String
        /// How it is drawn.
        public var kind: Kind
        /// Which of the styles it has; by default its place among the series.
        public var style: Int?
        /// Whether the legend has its name; without, something else in the chart says it.
        public var isInLegend: Bool
        /// The values.
        public var points: [Point]

        /// A series.
        public init(
            _ name: String,
            _ kind: Kind,
            style: Int? = nil,
            isInLegend: Bool = true,
            _ points: [Point]
        ) {
            self.name = name
            self.kind = kind
            self.style = style
            self.isInLegend = isInLegend
            self.points = points
        }
    }

    /// What stands above it.
    public var title: String
    /// The horizontal axis.
    public var horizontal: ChartAxis
    /// The vertical axis.
    public var vertical: ChartAxis
    /// What is drawn, in order.
    public var series: [Series]
    /// Whether the names of lines stand at their ends, where there is room, and not in the legend.
    public var namesLines: Bool

    /// A chart.
    public init(
        title: String,
        horizontal: ChartAxis,
        vertical: ChartAxis,
        namesLines: Bool = false,
        series: [Series]
    ) {
        self.title = title
        self.horizontal = horizontal
        self.vertical = vertical
        self.namesLines = namesLines
        self.series = series
    }

    /// All heights that must find room.
    var heights: [Double] {
        var heights = series.filter { $0.kind != .stackedBars }
            .flatMap { $0.points.map { $0.y + $0.margin } }
        var stacks: [Double: Double] = [:]
        for series in series where series.kind == .stackedBars {
            for point in series.points { stacks[point.x, default: 0] += point.y }
        }
        heights += stacks.values + vertical.reach
        if vertical.scale == .logarithmic {
            heights += series.flatMap { $0.points.map(\.y) }
        }
        return heights
    }
}
