import OobleckValues
import Testing

@testable import OobleckSimulator

/// What holds of every policy in every world.
@Suite(.timeLimit(.minutes(10))) struct PolicyPropertyTests {
    typealias Fixture = SimulationFixture

    private static func goodputs(
        _ failures: FailureModel,
        nodes: Int,
        days: Double = 1,
        trials: Int = 1,
        seed: Int = 1,
        change: (inout ClusterModel) -> Void = { _ in }
    ) throws -> [SimulatedPolicy: [Double]] {
        var model = Fixture.cluster()
        change(&model)
        let results = try SimulationExperiment(
            model: model,
            source: .chance(failures, nodes: nodes, duration: Seconds(days * 86_400)),
            policies: SimulatedPolicy.allCases,
            trials: trials,
            seed: UInt64(seed)
        )
        .run()
        return Dictionary(
            uniqueKeysWithValues: results.map { ($0.policy, $0.outcomes.map(\.goodput)) }
        )
    }

    @Test(
        "no policy beats changes for free, and these not the clairvoyant",
        arguments: 0..<40
    )
    func bounds(seed: Int) throws {
        var harsh = Fixture.harsh
        if seed % 3 == 0 { harsh.weibullShape = 0.7 }
        if seed % 2 == 0 { harsh.slowFactor = 1.3 }
        let goodputs = try Self.goodputs(harsh, nodes: 7 + seed % 5, seed: seed)
        let free = try #require(goodputs[.zeroCost]?.first)
        let clairvoyant = try #require(goodputs[.clairvoyant]?.first)
        #expect(free <= clairvoyant)
        for (policy, values) in goodputs where policy != .clairvoyant {
            #expect(values[0] <= free, "\(policy.rawValue)")
        }
    }

    /// Failures by a law of one rate, all else alike.
    private static func law(hours: Double) -> FailureModel {
        FailureModel(
            meanTimeBetweenFailures: Seconds(3600 * hours),
            repairTime: 1800,
            hangShare: 0.1
        )
    }

    @Test("a lower failure rate never lowers any policy's goodput", arguments: 0..<3)
    func failureRate(seed: Int) throws {
        let worlds = try [4.0, 16, 64, 256].map {
            try Self.goodputs(Self.law(hours: $0), nodes: 10, trials: 8, seed: 100 * seed)
        }
        for policy in SimulatedPolicy.allCases {
            let means = worlds.map { SimulationEstimate($0[policy] ?? []).mean }
            #expect(means == means.sorted(), "\(policy.rawValue): \(means)")
            // A bound loses with its nodes only; the others must feel their failures.
            #expect(means[0] < 0.99 * means[3], "\(policy.rawValue): \(means)")
        }
    }

    @Test("a cheaper recovery never lowers any policy's goodput", arguments: 0..<3)
    func recoveryCost(seed: Int) throws {
        let worlds = try [16.0, 4, 1, 0.25].map { cost in
            try Self.goodputs(Self.law(hours: 8), nodes: 10, trials: 8, seed: 100 * seed) {
                $0.restart = Seconds(60 * cost)
                $0.rebuild = .constant(Seconds(4 * cost))
                $0.crashDetection = Seconds(cost)
                $0.hangDetection = Seconds(4 * cost)
            }
        }
        for policy in SimulatedPolicy.allCases {
            let means = worlds.map { SimulationEstimate($0[policy] ?? []).mean }
            #expect(means == means.sorted(), "\(policy.rawValue): \(means)")
            // Bounds pay nothing for a recovery.
            #expect((means[0] == means[3]) == policy.isBound, "\(policy.rawValue): \(means)")
        }
    }

    /// Rows of a trace whose nodes come and go by chance, often several at one moment.
    private static func trace(seed: Int, name: (Int) -> String) throws -> PreemptionTrace {
        let random = CounterRandom(seed: UInt64(seed))
        var alive = Array(0..<8)
        var next = 8
        var rows = alive.map { "0,add,\(name($0))" }
        for index in 0..<40 {
            let draw = Int(random.bits(stream: 0, index: index) % 1000)
            let time = 900_000 * (index + 1)
            for _ in 0..<(1 + draw % 3) {
                if draw % 2 == 0, alive.count > 1 {
                    let gone = Int(random.bits(stream: 1, index: index) % UInt64(alive.count))
                    rows.append("\(time),remove,\(name(alive.remove(at: gone)))")
                } else if alive.count < 14 {
                    rows.append("\(time),add,\(name(next))")
                    alive.append(next)
                    next += 1
                }
            }
        }
        return try TraceReader.trace(rows.joined(separator: "\n"), name: "trace")
    }

    @Test("other names for the nodes of a trace change nothing", arguments: 0..<30)
    func renaming(seed: Int) throws {
        let random = CounterRandom(seed: UInt64(1000 + seed))
        let plain = try Self.trace(seed: seed) { "node\($0)" }
        // Names that sort in quite another order.
        let renamed = try Self.trace(seed: seed) {
            String(random.bits(stream: $0, index: 0), radix: 36)
        }
        let model = Fixture.cluster()
        for policy in SimulatedPolicy.allCases {
            let outcomes = try [plain, renamed].map { trace in
                let history = ClusterHistory(trace, startup: SimulatedTime(45))
                return ClusterSimulation.run(
                    model,
                    history,
                    try Fixture.policy(policy, model, nodes: history.mostNodes)
                )
            }
            #expect(outcomes[0].samples == outcomes[1].samples, "\(policy.rawValue)")
            #expect(outcomes[0].nodeTimes == outcomes[1].nodeTimes, "\(policy.rawValue)")
            #expect(outcomes[0].recoveries == outcomes[1].recoveries, "\(policy.rawValue)")
        }
        #expect(plain.events.map(\.node) != renamed.events.map(\.node))
    }
}
