import Foundation
import OobleckCore
import OobleckDrills
import Testing

@Suite(.timeLimit(.minutes(5))) struct DrillReportTests {
    private static func row() -> DrillRow {
        var row = DrillRow(fault: .stopWorker)
        row.runs = 3
        row.losses = 3
        row.detected = [2.01, 0.003, 1.5]
        row.recovered = [2.2, 0.12, 1.7]
        return row
    }

    private static func report() -> DrillReport {
        var report = DrillReport(
            version: "1<2",
            started: "2026-01-01T00:00:00Z",
            machine: "2 cores",
            seed: 7,
            repeats: 3
        )
        var failed = DrillRow(fault: .partition)
        failed.fail("partition-0: state 12 & not 34")
        var skipped = DrillRow(fault: .jitter)
        skipped.skip("tc says: unknown")
        report.rows = [row(), failed, skipped]
        return report
    }

    @Test("rows fit in 80 columns and say median and greatest")
    func text() {
        let lines = Self.report().rows.flatMap(\.lines)
        #expect(lines[0].contains("1500/2010") && lines[0].contains("1700/2200"))
        #expect(([DrillReport.heading] + lines).allSatisfy { $0.count <= 80 }, "\(lines)")
        #expect(lines.contains { $0.contains("FAILED: partition-0") })
        #expect(lines.last?.contains("skipped: tc says") == true)
    }

    @Test("the page escapes what it shows and needs no other file")
    func page() {
        let html = Self.report().html
        #expect(html.contains("1&lt;2") && html.contains("12 &amp; not 34"))
        #expect(html.contains("1500 / 2010 / 2010"))
        #expect(html.contains("detected after 1500 ms, recovered after 1700 ms, at most 2200 ms"))
        #expect(!html.contains("http") && !html.contains("src="))
        let counts = ["<b>1</b> passed", "<b>1</b> failed", "<b>1</b> skipped"]
        #expect(counts.allSatisfy { html.contains($0) }, "\(html)")
    }

    @Test("the report reads back as it was written")
    func json() throws {
        let report = Self.report()
        let data = try JSONEncoder().encode(report)
        let again = try JSONDecoder().decode(DrillReport.self, from: data)
        #expect(again.rows.map(\.verdict) == [.passed, .failed, .skipped])
        #expect(again.rows[0].detected == report.rows[0].detected)
    }

    @Test("faults are chosen by name, by group, or all")
    func choice() throws {
        #expect(try DrillFault.parse("all") == DrillFault.allCases)
        #expect(
            try DrillFault.parse("stop,kill-agent").map(\.rawValue) == [
                "kill-agent", "stop-worker", "stop-agent",
            ]
        )
        #expect(throws: OobleckError.self) { try DrillFault.parse("earthquake") }
    }

    @Test("quantiles are values that were seen")
    func spread() throws {
        let spread = try #require(Spread((1...10).map { Seconds(Double($0)) }))
        #expect((spread.median, spread.p90, spread.greatest) == (5, 9, 10))
        #expect(Spread([]) == nil)
    }
}
