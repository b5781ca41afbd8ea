import OobleckCore
import Testing

@testable import OobleckEngine

private let hostile = [
    0, -1, .nan, .infinity, -.infinity, 1e-300, 1e300, Double.leastNonzeroMagnitude,
]

@Suite("Computing time, where nodes share a machine", .timeLimit(.minutes(10)))
struct ComputeClockTests {
    @Test("it is what passed without the waits, and at least the processor time used")
    func waits() {
        let plain = ComputeClock.Interval(wall: 0.1, delay: 0.04, processor: 0.05)
        #expect(abs(plain.computing().value - 0.06) < 1e-12)
        // The node's own limit explains half of the waits.
        #expect(abs(plain.computing(ownShare: 0.5).value - 0.08) < 1e-12)
        #expect(plain.computing(ownShare: 1) == 0.1)
        // The kernel counted a wait that began before the stretch, or after it.
        let more = ComputeClock.Interval(wall: 0.1, delay: 0.2, processor: 0.05)
        #expect(more.computing() == 0.05)
    }

    @Test(
        "no reading of any clock makes it less than nothing or more than passed",
        arguments: hostile
    )
    func bounded(value: Double) {
        let odd = Seconds(value)
        for interval in [
            ComputeClock.Interval(wall: 0.1, delay: odd, processor: 0.05),
            ComputeClock.Interval(wall: 0.1, delay: 0.02, processor: odd),
            ComputeClock.Interval(wall: 0.1, delay: odd, processor: odd),
        ] {
            for share in [0, 0.5, 1] {
                #expect((0...0.1).contains(interval.computing(ownShare: share).value))
            }
        }
        #expect(ComputeClock.Interval(wall: -1, delay: odd, processor: 0.1).computing() == 0)
    }

    @Test("a thread that works measures time, with and without others on the machine")
    func real() {
        let clock = ComputeClock()
        for shares in [false, true] {
            clock.sharesMachine = shares
            let start = clock.now
            var sum = 0.0
            for index in 0..<2_000_000 { sum += Double(index).squareRoot() }
            let times = clock.times([3: clock.elapsed(since: start)])
            #expect(sum > 0)
            #expect((times[3] ?? 0) > 1e-5)
        }
    }

    @Test("a link is fitted to any two times", arguments: hostile)
    func link(value: Double) {
        let odd = Seconds(value)
        for (empty, full) in [(odd, 0.001), (0.001, odd), (odd, odd)] as [(Seconds, Seconds)] {
            for bytes in [0, 4096, Int.max] {
                let fit = LinkFit(empty: empty, full: full, bytes: bytes)
                #expect(fit.bytesPerSecond.isFinite && fit.bytesPerSecond > 0)
                #expect(fit.latency >= 0 && fit.latency <= Seconds.longestMeasured)
            }
        }
    }
}
