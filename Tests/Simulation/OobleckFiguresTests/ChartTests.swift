import Foundation
import FoundationXML
import Testing

@testable import OobleckFigures

@Suite(.timeLimit(.minutes(5))) struct ChartTests {
    @Test("a linear axis starts at zero, has round ticks and room for the largest value")
    func linear() {
        for most in [0.003, 0.7, 1, 9.9, 123, 5e4, 3e9] {
            let layout = ChartAxis("x").layout([most / 2, most])
            #expect(layout.low == 0)
            #expect(layout.high >= most)
            #expect((3...8).contains(layout.ticks.count), "\(layout.ticks)")
            #expect(Set(layout.ticks.map(\.label)).count == layout.ticks.count)
            #expect(layout.position(0) == 0)
            #expect(abs(layout.position(layout.high / 2) - 0.5) < 1e-12)
        }
        #expect(
            ChartAxis("x").layout([60_000]).ticks.map(\.label) == [
                "0", "20k", "40k", "60k",
            ]
        )
    }

    @Test("a logarithmic axis has its ticks at powers of ten, evenly spaced")
    func logarithmic() {
        let layout = ChartAxis("x", .logarithmic).layout([0.002, 3, 450])
        #expect(layout.ticks.map(\.label) == ["0.001", "0.01", "0.1", "1", "10", "100", "1000"])
        let gaps = zip(layout.ticks.dropFirst(), layout.ticks).map {
            layout.position($0.value) - layout.position($1.value)
        }
        #expect(gaps.allSatisfy { abs($0 - 1.0 / 6) < 1e-9 })
        #expect(layout.position(0) == 0)
    }

    @Test("categories stand in the middle of their places")
    func categories() {
        let layout = ChartAxis("x", .categories(["a", "b"])).layout([])
        #expect(layout.ticks.map(\.label) == ["a", "b"])
        #expect(layout.position(0) == 0.25)
        #expect(layout.position(1) == 0.75)
    }

    @Test("a sheet is well-formed, with every label, title and series named once")
    func sheet() {
        let series = [
            Chart.Series("bars & <b>", .bars, [Chart.Point(0, 3), Chart.Point(1, 4)]),
            Chart.Series("line", .line, [Chart.Point(0, 1, margin: 0.5), Chart.Point(1, 2)]),
            Chart.Series("published", .marks(overBars: 0), [Chart.Point(0, 2.5)]),
        ]
        let chart = Chart(
            title: "panel",
            horizontal: ChartAxis("period", .categories(["6 h", "1 h"])),
            vertical: ChartAxis("samples/s"),
            series: series
        )
        let svg = ChartSheet(title: "all", columns: 2, charts: [chart, chart]).svg
        #expect(XMLParser(data: Data(svg.utf8)).parse())
        func count(_ text: String) -> Int { svg.components(separatedBy: text).count - 1 }
        #expect(count(">bars &amp; &lt;b&gt;<") == 1)
        #expect(count(">panel<") == 2)
        #expect(count(">samples/s<") == 2)
        #expect(count(">6 h<") == 2)
    }

    @Test("a name of two lines is written in two, and a ratio is shown with its terms")
    func linesAndTerms() {
        let chart = Chart(
            title: "",
            horizontal: ChartAxis("run", .categories(["Varuna 10m\n9018 s", "other\n7 s"])),
            vertical: ChartAxis("part / whole"),
            series: [
                Chart.Series("part", .stackedBars, [Chart.Point(0, 0.5, terms: "4 s of 8 s")])
            ]
        )
        let svg = ChartSheet(title: "", columns: 1, charts: [chart]).svg
        for line in ["Varuna 10m", "9018 s", "other", "7 s"] { #expect(svg.contains(">\(line)<")) }
        #expect(svg.contains("part: 0.5 part / whole (4 s of 8 s)"))
        // The label of the axis stands below the second line, and within the picture.
        func height(_ text: String) -> Double? {
            let tag = svg.components(separatedBy: ">\(text)<")[0].components(separatedBy: "<text")
                .last
            return tag?.components(separatedBy: " y=\"").last?.components(separatedBy: "\"").first
                .flatMap { Double($0) }
        }
        let (first, second, label) = (height("Varuna 10m"), height("9018 s"), height("run"))
        #expect((second ?? 0) - (first ?? 0) >= 12)
        #expect((label ?? 0) - (second ?? 0) >= 12)
    }

    @Test("stacked bars need the room of their sum")
    func stacked() {
        let chart = Chart(
            title: "",
            horizontal: ChartAxis("", .categories(["a"])),
            vertical: ChartAxis(""),
            series: [
                Chart.Series("x", .stackedBars, [Chart.Point(0, 3)]),
                Chart.Series("y", .stackedBars, [Chart.Point(0, 4)]),
            ]
        )
        #expect(chart.heights.max() == 7)
    }

    @Test("no two of the first twelve styles are the same in grey, dash and mark")
    func styles() {
        let styles = (0..<12).map { ChartStyle($0) }
        for (index, style) in styles.enumerated() {
            for other in styles[..<index] {
                let isSame =
                    abs(grey(style.colour) - grey(other.colour)) < 12 && style.dash == other.dash
                    && style.mark == other.mark
                #expect(!isSame)
            }
        }
        for (style, next) in zip(styles, styles.dropFirst()) {
            #expect(
                abs(grey(style.colour) - grey(next.colour)) >= 25,
                "\(style.colour) \(next.colour)"
            )
        }
    }

    @Test("names at the ends of lines move apart, and stay beside the chart")
    func namesApart() {
        let moved = ChartDrawing.apart([10, 11, 12, 100], by: 16, within: 0...110)
        #expect(moved == [10, 26, 42, 100])
        // At the lower end they move up.
        #expect(ChartDrawing.apart([95, 100, 110], by: 16, within: 0...110) == [78, 94, 110])
    }

    @Test("where there is room, lines are named at their ends; on a telephone in the legend")
    func namedLines() {
        let chart = Chart(
            title: "a title that does not fit into one line of a telephone, so that it gets two",
            horizontal: ChartAxis("x"),
            vertical: ChartAxis("y"),
            namesLines: true,
            series: [Chart.Series("one", .line, [Chart.Point(0, 1), Chart.Point(1, 2)])]
        )
        let sheet = ChartSheet(title: "t", columns: 1, charts: [chart])
        let places = [ChartSheet.wide, ChartSheet.narrow].map { width in
            sheet.svg(width: width).components(separatedBy: ">one<")[0]
                .components(separatedBy: "<text x=\"").last?
                .components(separatedBy: "\"").first.flatMap { Double($0) } ?? -1
        }
        #expect(places[0] > 900 && places[1] < 100, "\(places)")
        #expect(sheet.svg.contains(">\(chart.title)<"))
        #expect(!sheet.svg(width: ChartSheet.narrow).contains(">\(chart.title)<"))
    }

    @Test("names of categories that do not fit side by side stand upright, none is left out")
    func uprightNames() {
        let names = (0..<8).map { "policy number-\n\($0)" }
        let chart = Chart(
            title: "",
            horizontal: ChartAxis("policy", .categories(names)),
            vertical: ChartAxis("y"),
            series: [Chart.Series("s", .points, (0..<8).map { Chart.Point(Double($0), 1) })]
        )
        let sheet = ChartSheet(title: "t", columns: 1, charts: [chart])
        let narrow = sheet.svg(width: ChartSheet.narrow)
        for index in 0..<8 { #expect(narrow.contains(">policy number-\(index)<")) }
        #expect(sheet.svg.contains(">policy number-<"))
        #expect(!narrow.contains("<polyline"), "points of categories have no line")
    }

    @Test("a dark page has a colour in place of each that a chart uses")
    func dark() {
        let known = Set(ChartStyle.dark.map(\.light))
        let kinds: [Chart.Kind] = [
            .line, .points, .plainLine, .bars, .stackedBars, .marks(overBars: nil),
            .dots(overBars: nil),
        ]
        let point = Chart.Point(1, 1, margin: 1)
        var series = (0..<6).map { Chart.Series("part \($0)", .stackedBars, [point]) }
        for style in 0..<12 {
            series += kinds.map { Chart.Series("\(style)", $0, style: style, [point]) }
        }
        let chart = Chart(
            title: "c",
            horizontal: ChartAxis("x"),
            vertical: ChartAxis("y"),
            series: series
        )
        let svg = ChartSheet(title: "t", columns: 1, charts: [chart]).svg
        let pattern = /(?:fill|stroke)="(#[0-9a-f]+)"/
        let used = Set(svg.matches(of: pattern).map { String($0.1) })
        #expect(used.count > 20 && used.isSubset(of: known), "\(used.subtracting(known))")
    }

    @Test("the parts of a bar all differ in grey, as they have no mark to be told by")
    func parts() {
        let greys = (0..<6).map { index in
            grey(ChartStyle(Chart.Series("part", .stackedBars, []), index: index).colour)
        }
        .sorted()
        for (darker, lighter) in zip(greys, greys.dropFirst()) {
            #expect(lighter - darker >= 25, "\(greys)")
        }
    }

    private func grey(_ colour: String) -> Double {
        let value = Int(colour.dropFirst(), radix: 16) ?? 0
        let (red, green, blue) = (value >> 16, value >> 8 & 255, value & 255)
        return 0.299 * Double(red) + 0.587 * Double(green) + 0.114 * Double(blue)
    }
}
