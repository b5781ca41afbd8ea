import Foundation
import OobleckCore
import OobleckFigures
import OobleckSchedule
import Testing

@Suite(.timeLimit(.minutes(5))) struct ScheduleChartTests {
    private func row(
        _ title: String = "pipeline",
        stages: Int,
        microbatches: Int
    )
        -> ScheduleChart.Row
    {
        ScheduleChart.Row(
            title: title,
            stageNames: (0..<stages).map { "stage \($0)" },
            stages: (0..<stages).map { _ in StageTime(forward: 0.01, backward: 0.02) },
            microbatches: microbatches
        )
    }

    private func count(_ part: String, in text: String) -> Int {
        text.components(separatedBy: part).count - 1
    }

    @Test("every pass of every stage is one box, and a name stands at every stage")
    func boxes() {
        let svg = ScheduleChart(title: "t", rows: [row(stages: 3, microbatches: 5)]).svg
        #expect(count("<title>F", in: svg) == 15)
        #expect(count("<title>B", in: svg) == 15)
        for stage in 0..<3 { #expect(count(">stage \(stage)<", in: svg) == 1) }
        // (3 + 2 * 2) / (3 * 7) of the time of m = 5: 2 w of 7 w idle in each stage.
        #expect(svg.contains("idle 29 %"))
    }

    @Test("the axis has a unit and round numbers that cover the makespan")
    func axis() {
        // (8 + 1) * 30 ms = 270 ms.
        let svg = ScheduleChart(title: "t", rows: [row(stages: 2, microbatches: 8)]).svg
        #expect(svg.contains("time (ms)"))
        for label in ["0", "50", "100", "150", "200", "250"] {
            #expect(svg.contains(">\(label)</text>"), "\(label)")
        }
        #expect(!svg.contains(">300</text>"))
    }

    @Test("boxes lie side by side within the picture, none on another of its stage")
    func scale() throws {
        let svg = ScheduleChart(title: "t", rows: [row(stages: 1, microbatches: 4)]).svg
        let pattern = try Regex(#"<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)"[^>]*><title>"#)
        var end = 0.0
        for match in svg.matches(of: pattern) {
            let x = try #require(match.output[1].substring.flatMap { Double($0) })
            let width = try #require(match.output[2].substring.flatMap { Double($0) })
            #expect(x >= end - 0.011)
            end = x + width
        }
        #expect(end > 1160 && end <= 1170)
    }

    @Test("names with signs of XML are written so that they can be read back")
    func escaping() {
        let svg = ScheduleChart(title: "a<b> & \"c\"\u{1}", rows: []).svg
        #expect(svg.contains("a&lt;b&gt; &amp; &quot;c&quot; "))
    }

    @Test("what is too much to draw is cut off, and that is said")
    func limits() {
        let many = (0..<8).map { row("pipeline \($0)", stages: 1, microbatches: 1_000) }
        let svg = ScheduleChart(title: "t", rows: many).svg
        #expect(svg.contains("cut off"))
        #expect(svg.contains("2 other kinds of pipelines not drawn"))
        #expect(count("<title>", in: svg) == 6 * ScheduleChart.mostPasses)
    }

    @Test("a file that cannot be written is a storage fault of one line")
    func unwritable() {
        let chart = ScheduleChart(title: "t", rows: [])
        let error = #expect(throws: OobleckError.self) { try chart.write(to: "/proc/none/a.svg") }
        #expect(error?.code == .storage)
        #expect(error?.message.contains("/proc/none/a.svg") == true)
    }
}
