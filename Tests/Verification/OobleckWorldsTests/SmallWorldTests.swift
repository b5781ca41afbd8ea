import OobleckCoordination
import OobleckWorlds
import Testing

@Suite("Every order of messages, deaths and joins among three nodes", .timeLimit(.minutes(20)))
struct SmallWorldTests {
    @Test("six moves deep, from every sixth move of a run on, each order completes the same run")
    func everyOrder() throws {
        let report = try SmallWorldSearch(depth: 6, stride: 6).run()
        #expect(report.flaw == nil, "\(report.flaw?.path ?? []): \(report.flaw?.what ?? "")")
        #expect(report.starts > 8)
        #expect(report.worlds > 5000)
        print("\(report.starts) starts, \(report.worlds) worlds, \(report.moves) moves")
    }

    @Test("the coordinator may die as well: each order completes the same run")
    func everyDeath() throws {
        var search = SmallWorldSearch(depth: 4, stride: 6)
        search.crashes = 1
        let report = try search.run()
        #expect(report.flaw == nil, "\(report.flaw?.path ?? []): \(report.flaw?.what ?? "")")
        #expect(report.worlds > 5000)
        print("\(report.starts) starts, \(report.worlds) worlds, \(report.moves) moves")
    }

    @Test(
        "a known bug put back in is found in a small world, too",
        arguments: [KnownBugs.holdingsNotUpdatedOnResume, .commitSentBeforeRecorded]
    )
    func knownBugs(bug: KnownBugs) throws {
        var search = SmallWorldSearch(depth: 3, stride: 6)
        search.bugs = bug
        let flaw = try search.run().flaw
        #expect(flaw != nil)
        print("\(bug): \(flaw?.path.count ?? 0) moves: \(flaw?.what ?? "")")
    }
}
