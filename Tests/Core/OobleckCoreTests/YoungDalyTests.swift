import OobleckCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct YoungDalyTests {
    @Test("the interval is the square root of twice the cost times the time between failures")
    func closedForm() {
        // 3 failures in 4 hours, as if the fourth came now: one an hour. 2 * 2 s * 3600 s = 120 s ^ 2.
        let interval = YoungDaly.interval(
            heldUp: 2,
            written: 10,
            elapsed: 14_400,
            failures: 3
        )
        #expect(abs(interval.value - 120) < 1e-9)
    }

    /// Time lost in a second of training: the saves, and half an interval for each failure.
    private func loss(_ interval: Double, cost: Double, meanTimeToFailure: Double) -> Double {
        cost / interval + interval / (2 * meanTimeToFailure)
    }

    @Test("no other interval loses less", arguments: [0.5, 0.9, 1.1, 2])
    func optimal(factor: Double) {
        for (cost, elapsed, failures) in [(0.01, 100.0, 0), (1, 5000, 7), (30, 1e6, 100)] {
            let best = YoungDaly.interval(
                heldUp: Seconds(cost),
                written: 0,
                elapsed: Seconds(elapsed),
                failures: failures
            ).value
            let mean = elapsed / Double(failures + 1)
            #expect(
                loss(best, cost: cost, meanTimeToFailure: mean)
                    < loss(best * factor, cost: cost, meanTimeToFailure: mean)
            )
        }
    }

    @Test("saves are no closer than they take to write, and rarer the longer nothing fails")
    func bounds() {
        let busy = YoungDaly.interval(heldUp: 0.001, written: 9, elapsed: 100, failures: 50)
        #expect(busy == 9)
        let early = YoungDaly.interval(heldUp: 1, written: 0, elapsed: 100, failures: 0)
        let late = YoungDaly.interval(heldUp: 1, written: 0, elapsed: 10_000, failures: 0)
        #expect(late.value > 9 * early.value)
        #expect(YoungDaly.interval(heldUp: 0, written: 0, elapsed: 5, failures: 0) == 0)
    }

    @Test("a run saves every ten seconds at most, and writes for a twentieth of its time at most")
    func spacing() {
        #expect(YoungDaly.spacing(heldUp: 0.003, written: 0.1, elapsed: 60, failures: 0) == 10)
        let slow = YoungDaly.spacing(heldUp: 0.003, written: 90, elapsed: 3600, failures: 0)
        #expect(abs(slow.value - 1800) < 1e-9)
        let rare = YoungDaly.spacing(heldUp: 2, written: 1, elapsed: 14_400, failures: 3)
        #expect(abs(rare.value - 120) < 1e-9)
    }
}
