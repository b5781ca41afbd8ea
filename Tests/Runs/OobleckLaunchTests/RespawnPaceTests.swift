import OobleckCore
import OobleckLaunch
import Testing

@Suite("When a host that went is tried again", .timeLimit(.minutes(5)))
struct RespawnPaceTests {
    @Test("after a second, then twice as long each time, a minute at most", .timeLimit(.minutes(5)))
    func doubles() {
        var pace = RespawnPace()
        let pauses = (0..<8).map { _ in pace.pause(after: 0).value }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60])
    }

    @Test("after a second again once a node has lived for a minute", .timeLimit(.minutes(5)))
    func forgets() {
        var pace = RespawnPace()
        for _ in 0..<5 { _ = pace.pause(after: 3) }
        #expect(pace.pause(after: 60) == 1)
        #expect(pace.pause(after: 59) == 2)
    }

    @Test("after a minute where the machine said that it is taken away", .timeLimit(.minutes(5)))
    func reclaimed() {
        var pace = RespawnPace()
        #expect(pace.pause(after: 300, wasReclaimed: true) == 60)
        #expect(pace.pause(after: 1) == 1)
    }
}
