import OobleckCore
import OobleckFuzz
import Testing

@Suite("Damaged input", .serialized, .timeLimit(.minutes(10)))
struct FuzzTests {
    private static let casesOfEach = 1000
    private static let seed: UInt64 = 20_241_125

    @Test("every reader takes what it should take")
    func samples() throws {
        let folder = try FuzzFolder()
        for target in try FuzzTarget.files(in: folder) + FuzzTarget.wire() {
            let outcomes = target.samples.map { target.outcome(of: $0) }
            // Of a run's records, each sample is right for one of the three files.
            let isRight: Bool =
                target.name == "records"
                ? outcomes.allSatisfy { $0 == .refused } : outcomes.allSatisfy { $0 == .accepted }
            #expect(isRight, "\(target.name): \(outcomes)")
        }
    }

    @Test("no damaged input crashes a reader, and each is taken or refused in one line")
    func damage() throws {
        let folder = try FuzzFolder()
        for target in try FuzzTarget.files(in: folder) + FuzzTarget.wire() {
            let campaign = FuzzCampaign(target, seed: Self.seed)
            let tally = campaign.run(0..<Self.casesOfEach)
            #expect(tally.cases == Self.casesOfEach)
            #expect(tally.refused > Self.casesOfEach / 20, "\(target.name) hardly refuses anything")
            let complaints = tally.complaints.map { "\(target.name), case \($0.index): \($0.text)" }
            #expect(complaints.isEmpty)
            #expect(tally.slowest.time < 10, "\(target.name), case \(tally.slowest.index)")
        }
    }

    @Test("a case is a function of seed and number alone")
    func repeatability() throws {
        let folder = try FuzzFolder()
        let (first, second) = (try FuzzTarget.wire(), try FuzzTarget.wire())
        let target = try #require(try FuzzTarget.files(in: folder).first)
        #expect(target.input(seed: 5, index: 9) == target.input(seed: 5, index: 9))
        #expect(target.input(seed: 5, index: 9) != target.input(seed: 5, index: 10))
        #expect(target.input(seed: 5, index: 9) != target.input(seed: 6, index: 9))
        for (one, other) in zip(first, second) {
            #expect(one.input(seed: 1, index: 1).count == other.input(seed: 1, index: 1).count)
        }
    }
}
