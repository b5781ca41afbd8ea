/// Colour, dash and mark of a series; the colours differ in grey too.
struct ChartStyle {
    enum Mark: Int, CaseIterable { case circle, square, triangle, diamond, down, cross }

    private(set) var colour: String
    let dash: String?
    let mark: Mark

    /// Each with the colour that takes its place on a dark page.
    private static let colours: [(light: String, dark: String)] = [
        ("#1257a6", "#6cb0ff"), ("#e08a00", "#ffb347"), ("#2e8b57", "#5fd38f"),
        ("#8fb8e8", "#35649c"), ("#b23a48", "#ff7b88"), ("#d99ab0", "#8f4d66"),
        ("#5b3f9e", "#b59cff"), ("#9aa4af", "#6c7783"), ("#2aa5a5", "#4fd6d6"),
        ("#222222", "#f0f0f0"), ("#7ea65a", "#a9d67f"), ("#8a5a2b", "#d69d66"),
    ]
    private static let dashes: [String?] = [nil, "7 3", "2 3", "9 3 2 3"]

    /// Parts of one bar, which have neither dash nor mark to be told by: all differ in grey.
    private static let parts: [(light: String, dark: String)] = [
        ("#2f7d5b", "#3fae7d"), ("#f2b25c", "#f2b25d"), ("#452b86", "#8d74d8"),
        ("#cfd8e3", "#55616e"), ("#222223", "#e3e7eb"), ("#d86b78", "#e2707e"),
    ]

    /// What takes the place of the colours of a chart on a dark page.
    static let dark: [(light: String, dark: String)] =
        colours + parts + [
            ("#ffffff", "#14181d"), ("#111", "#e8eaed"), ("#555", "#9aa4af"),
            ("#dddddd", "#333b44"), ("#000000", "#f5f5f5"),
        ]

    /// The style of a series that is the `index`th of its chart.
    init(_ series: Chart.Series, index: Int) {
        self.init(series.style ?? index)
        if series.kind == .stackedBars, series.style == nil {
            colour = Self.parts[index % Self.parts.count].light
        }
    }

    init(_ index: Int) {
        colour = Self.colours[index % Self.colours.count].light
        dash = Self.dashes[(index / 3) % Self.dashes.count]
        mark = Mark(rawValue: index % Mark.allCases.count) ?? .circle
    }
}
