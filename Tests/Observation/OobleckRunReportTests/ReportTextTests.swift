import Testing

@testable import OobleckRunReport

@Suite("Texts of a run's page", .timeLimit(.minutes(5)))
struct ReportTextTests {
    @Test("times have the unit that suits them")
    func times() {
        #expect(ReportText.seconds(0) == "0 s")
        #expect(ReportText.seconds(0.0384) == "38 ms")
        #expect(ReportText.seconds(1.254) == "1.25 s")
        #expect(ReportText.seconds(99.96) == "1 min 40 s")
        #expect(ReportText.seconds(7500) == "2 h 05 min")
        #expect(ReportText.percent(0.034) == "3.4 %" && ReportText.percent(0.5) == "50 %")
        #expect(ReportText.short(1_234) == "1.23k" && ReportText.short(998) == "998")
    }

    @Test("a scale has round numbers and holds all values")
    func scale() {
        let scale = Scale([1.93, 5.57])
        #expect(scale.low <= 1.93 && scale.high >= 5.57)
        #expect(scale.ticks.map(scale.name) == ["1", "2", "3", "4", "5", "6"])
        #expect(Scale([3.0, 3.0]).high > 3)
        #expect(Scale([]).ticks.count > 1)
    }

    @Test("thinning keeps the extremes and the order")
    func thinning() {
        let points = (0..<10_000).map { (x: Double($0), y: $0 == 5_003 ? 99 : 0.0) }
        let thin = Thinning.thinned(points, to: 200)
        #expect(thin.count <= 220 && thin.contains { $0.y == 99 })
        #expect(zip(thin, thin.dropFirst()).allSatisfy { $0.x < $1.x })
    }
}
