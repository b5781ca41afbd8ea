import OobleckCore
import OobleckDrills
import Testing

@Suite(.timeLimit(.minutes(5))) struct DrillProgressTests {
    private static func progress(doneCount: Int, elapsed: Seconds) -> DrillProgress {
        DrillProgress(
            row: 1,
            rowCount: 5,
            fault: .killAgent,
            run: 0,
            runCount: 3,
            doneCount: doneCount,
            leftCount: 12,
            elapsed: elapsed
        )
    }

    @Test("what is left takes as long for each run as those that are done")
    func timeLeft() {
        #expect(Self.progress(doneCount: 3, elapsed: 15).timeLeft == 60)
        #expect(Self.progress(doneCount: 0, elapsed: 15).timeLeft == nil)
        #expect(Self.progress(doneCount: 3, elapsed: 15).text == "row 2/5 kill-agent, run 1/3")
    }

    @Test("a report that was cut short says so")
    func interrupted() {
        var report = DrillReport(version: "1", started: "", machine: "", seed: 1, repeats: 1)
        #expect(!report.closing.contains("interrupted"))
        report.isInterrupted = true
        #expect(report.closing.hasPrefix("interrupted: 0 passed"))
        #expect(report.html.contains("before it was interrupted"))
    }
}
