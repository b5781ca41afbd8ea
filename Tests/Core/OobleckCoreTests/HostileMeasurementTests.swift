import OobleckCore
import Testing

/// Numbers that no clock should give, and that one day one does.
private let hostile = [
    0, -1, .nan, .infinity, -.infinity, 1e-300, 1e300, Double.leastNonzeroMagnitude,
]

@Suite("Times that cannot have been measured", .timeLimit(.minutes(5)))
struct HostileMeasurementTests {
    @Test("a time counts only if it is more than nothing and at most eleven days")
    func measured() {
        #expect(Seconds(0.5).measured == 0.5)
        #expect(Seconds(1e6).measured == 1e6)
        for value in [0, -1, .nan, .infinity, -.infinity, 1e300, 1.1e6] {
            #expect(Seconds(value).measured == nil, "\(value)")
        }
    }

    @Test("milliseconds for others never overflow and never mean no wait", arguments: hostile)
    func milliseconds(value: Double) {
        let milliseconds = Seconds(value).milliseconds
        #expect((1...Int(Int32.max)).contains(milliseconds))
        #expect(Seconds(1.5).milliseconds == 1500)
        // What Gloo adds to its clock in nanoseconds.
        #expect(!milliseconds.multipliedReportingOverflow(by: 1_000_000).overflow)
    }

    @Test("whatever a step is said to take, every deadline is finite", arguments: hostile)
    func deadlines(step: Double) {
        for budget in [0.2, 2, 3600] {
            let deadlines = Deadlines(budget: Seconds(budget), step: Seconds(step))
            for row in deadlines.rows(receiving: ByteCount(Int.max)) {
                #expect(row.seconds > 0 && row.seconds < 1e8, "\(row.name): \(row.seconds.value) s")
            }
            #expect(deadlines.collective.milliseconds < Int(Int32.max))
            #expect(deadlines.save(of: ByteCount(Int.max)) < 1e8)
        }
    }

    @Test("a prediction of more than a day is refused before a run starts")
    func prediction() {
        #expect(Deadlines(budget: 2, step: 80_000).violation == nil)
        #expect(Deadlines(budget: 2, step: 1e7).violation != nil)
        #expect(Deadlines(budget: 2, step: Seconds(.infinity)).violation == "a step takes inf s")
    }

    @Test("the interval between saves is finite, whatever was measured", arguments: hostile)
    func youngDaly(value: Double) {
        let time = Seconds(value)
        let intervals = [
            YoungDaly.interval(heldUp: time, written: 1, elapsed: 100, failures: 1),
            YoungDaly.interval(heldUp: 1, written: time, elapsed: 100, failures: 1),
            YoungDaly.interval(heldUp: 1, written: 1, elapsed: time, failures: 1),
            YoungDaly.interval(heldUp: time, written: time, elapsed: time, failures: -5),
        ]
        for interval in intervals {
            #expect(interval >= 0 && interval.value.isFinite, "\(interval.value)")
        }
        #expect(intervals[0] <= 1e4)
    }

    @Test("sums of sizes stop at the most that fits")
    func sizes() {
        #expect(ByteCount.total([1, 2, 3]) == 6)
        #expect(ByteCount.total([ByteCount(Int.max), 5]).value == Int.max)
        #expect(ByteCount.total([-7, 5, ByteCount(Int.min)]) == 5)
    }

    @Test("a profile's times are from 0 to eleven days, and its link moves a byte a second")
    func profile() throws {
        let layer = LayerProfile(name: "a", forward: 1, backward: 1)
        let good = ModelProfile(model: "m", microbatchSize: 1, layers: [layer])
        try good.validate()
        for value in [-1, .nan, .infinity, -.infinity, 1e300] {
            let time = Seconds(value)
            let changes: [(inout ModelProfile) -> Void] = [
                { $0.layers[0].forward = time }, { $0.layers[0].backward = time },
                { $0.layers[0].allReduceInNode = [2: time] },
                { $0.layers[0].allReduceAcrossNodes = [2: time] },
                { $0.linkLatency = time }, { $0.tiedAllReduceAcrossNodes = [2: time] },
            ]
            for (index, change) in changes.enumerated() {
                var profile = good
                change(&profile)
                #expect(throws: OobleckError.self, "\(index): \(value)") { try profile.validate() }
            }
        }
        for rate in [0, -1, .nan, .infinity, 1e-300] {
            var profile = good
            profile.linkBytesPerSecond = rate
            #expect(throws: OobleckError.self, "\(rate)") { try profile.validate() }
        }
    }
}
