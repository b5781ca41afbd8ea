import OobleckValues
import Testing

@testable import OobleckSimulator

@Suite(.timeLimit(.minutes(10))) struct FailureModelTests {
    private let day = 86_400.0

    private func losses(_ history: ClusterHistory) -> Int {
        history.events.reduce(0) { sum, event in
            if case .loss = event.change { sum + event.nodes.count } else { sum }
        }
    }

    @Test("at 6.50 failures per 1,000 node-days, 16,384 devices fail every 1.803 h")
    func publishedRate() {
        let model = FailureModel(meanTimeBetweenFailures: Seconds(1000 / 6.5 * day))
        let time = model.meanTimeToFailure(nodes: 16_384 / 8)
        #expect(abs((time?.value ?? 0) / 3600 - 1.803) < 0.0005)
    }

    @Test("nodes that come back fail at the rate asked for", arguments: [0.7, 1, 2])
    func rate(shape: Double) {
        let model = FailureModel(
            meanTimeBetweenFailures: Seconds(day),
            weibullShape: shape,
            repairTime: 1
        )
        let count = losses(
            model.history(nodes: 200, duration: SimulatedTime(Seconds(100 * day)), seed: 3)
        )
        // 20,000 lives; the standard deviation of a life is at most 1.5 of its mean, and young
        // lives of shape 0.7 come in bulk.
        #expect(abs(Double(count) - 20_000) < 0.05 * 20_000, "\(count)")
    }

    @Test("more nodes do not change the fate of the first")
    func commonFate() {
        let model = FailureModel(meanTimeBetweenFailures: Seconds(day), repairTime: 3600)
        func fate(_ nodes: Int) -> [ClusterEvent] {
            model.history(nodes: nodes, duration: SimulatedTime(Seconds(9 * day)), seed: 5).events
                .compactMap { event in
                    guard event.time > .zero, event.nodes.contains(0) else { return nil }
                    return ClusterEvent(time: event.time, change: event.change, nodes: [0])
                }
        }
        #expect(fate(3) == fate(40))
        #expect(!fate(3).isEmpty)
    }

    @Test("a group goes at once, hangs, slow nodes and notices come as often as asked")
    func kinds() {
        let model = FailureModel(
            meanTimeBetweenFailures: Seconds(day),
            repairTime: 600,
            groupSize: 8,
            groupMeanTimeBetweenFailures: Seconds(10 * day),
            hangShare: 0.25,
            slowShare: 0.25,
            notice: 120
        )
        let history = model.history(
            nodes: 64,
            duration: SimulatedTime(Seconds(60 * day)),
            seed: 11
        )
        var (crashes, hangs, slow, notices, whole) = (0, 0, 0, 0, 0)
        for event in history.events {
            switch event.change {
            case .loss(.crash):
                crashes += event.nodes.count
                if event.nodes.count >= 6 { whole += 1 }
            case .loss(.hang): hangs += event.nodes.count
            case .slow: slow += event.nodes.count
            case .notice: notices += event.nodes.count
            case .join: break
            }
        }
        // 3,840 failures of single nodes, 48 of groups; four standard deviations.
        #expect(abs(hangs - 960) < 4 * 31)
        #expect(abs(slow - 960) < 4 * 31)
        #expect(abs(whole - 48) < 4 * 7)
        #expect(notices == crashes || notices == crashes + 1)
        #expect(history.events.map(\.time) == history.events.map(\.time).sorted())
    }

    @Test("over the day the rate follows the amplitude")
    func daily() {
        let model = FailureModel(
            meanTimeBetweenFailures: Seconds(day),
            dailyAmplitude: 0.8,
            repairTime: 1
        )
        let history = model.history(
            nodes: 200,
            duration: SimulatedTime(Seconds(50 * day)),
            seed: 2
        )
        var early = 0
        for event in history.events {
            guard case .loss = event.change else { continue }
            let hour = event.time.seconds.truncatingRemainder(dividingBy: day) / 3600
            if hour < 12 { early += event.nodes.count }
        }
        // The first half of the day has a share of 1/2 + 0.8 / pi.
        let share = Double(early) / Double(losses(history))
        #expect(abs(share - (0.5 + 0.8 / Double.pi)) < 0.02, "\(share)")
    }

    @Test(
        "values that make no sense are refused in one line",
        arguments: [
            FailureModel(meanTimeBetweenFailures: -1),
            FailureModel(meanTimeBetweenFailures: Seconds(.nan)),
            FailureModel(meanTimeBetweenFailures: 0),
            FailureModel(weibullShape: 0), FailureModel(dailyAmplitude: 2),
            FailureModel(weibullShape: 2, dailyAmplitude: 0.5), FailureModel(groupSize: 0),
            FailureModel(hangShare: 0.6, slowShare: 0.6), FailureModel(slowFactor: 0.5),
            FailureModel(notice: -3), FailureModel(repairTime: 0),
        ]
    )
    func mistakes(_ model: FailureModel) {
        let error = #expect(throws: OobleckError.self) { try model.validate() }
        #expect(error?.message.contains("\n") == false)
    }
}
