/// Colour, dash and mark of a series; the colours differ in grey too.
struct ChartStyle {
    enum Mark: Int, CaseIterable { case circle, square, triangle, diamond, down, cross }

    private(set) var colour: String
    let dash: String?
    let mark: Mark

    /// From dark to light and back, so that neighbours differ.
    private static let colours = [
        "#12355b", "#f2a541", "#b23a48", "#7fb7be", "#3f7d20", "#c9a0dc", "#000000", "#8d99ae",
        "#d1495b", "#5c4b99", "#9ad14b", "#a0522d",
    ]
    private static let dashes: [String?] = [nil, "7 3", "2 3", "9 3 2 3"]

    /// Parts of one bar, which have neither dash nor mark to be told by: all differ in grey.
    private static let parts = [
        "#12355b", "#f2a541", "#b23a48", "#dfe6f0", "#000000", "#7ea65a",
    ]

    /// The style of a series that is the `index`th of its chart.
    init(_ series: Chart.Series, index: Int) {
        self.init(series.style ?? index)
        if series.kind == .stackedBars { colour = Self.parts[index % Self.parts.count] }
    }

    init(_ index: Int) {
        colour = Self.colours[index % Self.colours.count]
        dash = Self.dashes[(index / 3) % Self.dashes.count]
        mark = Mark(rawValue: index % Mark.allCases.count) ?? .circle
    }
}
