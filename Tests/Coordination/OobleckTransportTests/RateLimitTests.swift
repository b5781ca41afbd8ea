import OobleckCore
import OobleckTransport
import Testing

@Suite("Rate limit", .timeLimit(.minutes(5)))
struct RateLimitTests {
    @Test("after a burst, no more gets through than the rate, over any time")
    func rate() {
        var limit = RateLimit(RateLimit.Allowance(burst: 10, perSecond: 4), now: 100)
        var taken = 0
        // A thousand attempts a second for a minute.
        for millisecond in 0..<60_000
        where limit.take(now: Seconds(100 + Double(millisecond) / 1000)) {
            taken += 1
        }
        #expect((249...250).contains(taken))
    }

    @Test("what was not used adds up to a burst, and no further")
    func pause() {
        var limit = RateLimit(RateLimit.Allowance(burst: 3, perSecond: 1), now: 0)
        let times: [Seconds] = [0, 0, 0, 0, 1000, 1000, 1000, 1000]
        let answers = times.map { limit.take(now: $0) }
        #expect(answers == [true, true, true, false, true, true, true, false])
    }

    @Test("time that goes backward gives nothing")
    func backward() {
        var limit = RateLimit(RateLimit.Allowance(burst: 1, perSecond: 1), now: 10)
        let times: [Seconds] = [10, 9, 1, 9, 1, 10.5, 11.1]
        let answers = times.map { limit.take(now: $0) }
        #expect(answers == [true, false, false, false, false, false, true])
    }
}
