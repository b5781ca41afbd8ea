import OobleckCore
import Testing

@testable import OobleckRuntime

@Suite("A coordinator that lost the lead of its run", .timeLimit(.minutes(5)))
struct LeadWatchTests {
    @Test("leads again as soon as no process leads")
    func vacant() {
        var watch = LeadWatch(budget: 2)
        #expect(watch.verdict(.isLed, at: 0) == .keepWatching)
        #expect(watch.verdict(.isVacant, at: 1) == .leadAgain)
    }

    @Test("stays deposed once the run is over, whoever ended it")
    func over() {
        var watch = LeadWatch(budget: 2)
        #expect(watch.verdict(.runIsOver, at: 0) == .stayDeposed)
    }

    @Test("waits for its own lease to end, and takes a longer one for another process's")
    func led() {
        var watch = LeadWatch(budget: 2)
        #expect(watch.verdict(.isLed, at: 100) == .keepWatching)
        #expect(watch.verdict(.isLed, at: 108) == .keepWatching)
        #expect(watch.verdict(.isLed, at: 108.1) == .stayDeposed)
    }

    @Test("counts a lease only from when etcd answers again")
    func silent() {
        var watch = LeadWatch(budget: 2)
        #expect(watch.verdict(.isLed, at: 0) == .keepWatching)
        #expect(watch.verdict(.noAnswer, at: 7) == .keepWatching)
        #expect(watch.verdict(.isLed, at: 9) == .keepWatching)
        #expect(watch.verdict(.isLed, at: 17) == .keepWatching)
        #expect(watch.verdict(.isLed, at: 17.5) == .stayDeposed)
    }
}
