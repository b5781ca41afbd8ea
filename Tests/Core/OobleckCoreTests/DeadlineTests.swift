import OobleckCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct DeadlineTests {
    @Test(
        "for every budget and step time each deadline leaves room for those it rests on",
        arguments: [0.2, 0.5, 2, 5, 60, 3600],
        [0.0, 0.01, 3, 600]
    )
    func order(budget: Double, step: Double) {
        let deadlines = Deadlines(budget: Seconds(budget), step: Seconds(step))
        #expect(deadlines.violation == nil)
        // Three signs of life may be lost on the way.
        #expect(3 * deadlines.heartbeat < deadlines.lease)
        #expect(deadlines.detection <= deadlines.budget)
        // No step that takes as long as steps take is taken for stuck, nor ten times as long.
        #expect(deadlines.collective.value >= 10 * step)
    }

    @Test("silence is judged by the budget alone, waits for work by the step time too")
    func phases() {
        let short = Deadlines(budget: 2)
        let long = Deadlines(budget: 2, step: 100)
        #expect(short.lease == long.lease && short.grace == long.grace)
        #expect(long.collective - short.collective == 1000)
        #expect(long.stall - short.stall == 2000)
        #expect(short.transfer(1_000_000_000) - short.transfer(0) == 100)
        for (link, seconds) in [(1e9, 100.0), (1e8, 100), (2e7, 500), (1, 10_000)] {
            let slow = Deadlines(budget: short.budget, link: link)
            #expect(slow.transfer(1_000_000_000) - slow.transfer(0) == Seconds(seconds))
        }
    }

    @Test("a budget that is no number is found")
    func violation() {
        #expect(Deadlines(budget: .init(.infinity)).violation != nil)
        #expect(Deadlines(budget: 2, step: .init(.nan)).violation != nil)
    }

    @Test("the table has every deadline with the formula that gives it")
    func table() throws {
        let rows = Deadlines(budget: 2, step: 0.5).rows(receiving: 20_000_000)
        func seconds(_ name: String) throws -> Double {
            try #require(rows.first { $0.name == name }).seconds.value
        }
        #expect(try seconds("heartbeat") == 0.5)
        #expect(try seconds("lease") == 1.75)
        #expect(try seconds("transfer") == 8)
        #expect(try seconds("collective") == 25)
        #expect(try seconds("join") == 40)
        #expect(Set(rows.map(\.name)).count == rows.count)
    }
}
