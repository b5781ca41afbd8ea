import OobleckTestSupport
import Testing

@Suite("Comparison with recorded counts", .timeLimit(.minutes(1)))
struct RecordedCountsTests {
    private let recorded = RecordedCounts.Entry(1_000, unit: "bytes a step")

    private func compare(_ count: Int) -> RecordedCounts.Verdict {
        RecordedCounts.compare(
            "vote",
            RecordedCounts.Entry(count, unit: "bytes a step"),
            with: recorded
        )
    }

    @Test("a tenth more or less is as recorded", arguments: [900, 1_000, 1_100])
    func near(count: Int) { #expect(compare(count) == .asRecorded) }

    @Test("more than a tenth above is worse, and the line says how to record it")
    func worse() {
        let line =
            "vote is 1101 bytes a step, recorded 1000: more than 10 % worse; where that is meant, "
            + "OOBLECK_RECORD_COUNTS=1 swift test --filter Counts records it"
        #expect(compare(1_101) == .worse(line))
    }

    @Test("more than a tenth below asks to record the better count")
    func better() {
        let line =
            "vote is 899 bytes a step, recorded 1000: more than 10 % better; "
            + "OOBLECK_RECORD_COUNTS=1 swift test --filter Counts records it"
        #expect(compare(899) == .better(line))
    }

    @Test("a count without a record, or of another unit, is worse")
    func unknown() {
        let cure = "OOBLECK_RECORD_COUNTS=1 swift test --filter Counts records it"
        let entry = RecordedCounts.Entry(1, unit: "bytes")
        #expect(
            RecordedCounts.compare("vote", entry, with: nil)
                == .worse("vote has no recorded count; \(cure)")
        )
        #expect(
            RecordedCounts.compare("vote", entry, with: recorded)
                == .worse("vote is counted in bytes, and recorded in bytes a step; \(cure)")
        )
    }

    @Test("a count of zero has no room")
    func zero() {
        let none = RecordedCounts.Entry(0, unit: "x")
        let verdict = RecordedCounts.compare("a", RecordedCounts.Entry(1, unit: "x"), with: none)
        if case .worse = verdict {} else { Issue.record("\(verdict)") }
        #expect(RecordedCounts.compare("a", none, with: none) == .asRecorded)
    }
}
