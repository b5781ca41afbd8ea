import Foundation
import OobleckSeeds
import OobleckValues
import Testing

@testable import OobleckSimulator

/// What holds of every policy on traces as they were recorded, falls below (f+1) n0 included.
@Suite(.timeLimit(.minutes(10))) struct PublicTraceTests {
    typealias Fixture = SimulationFixture

    private static func outcomes(
        _ history: ClusterHistory
    ) throws -> [SimulatedPolicy: SimulationOutcome] {
        let results = try SimulationExperiment(
            model: Fixture.cluster(leastNodes: 4, faultTolerance: 2),
            source: .history(history),
            policies: SimulatedPolicy.allCases
        )
        .run()
        return Dictionary(uniqueKeysWithValues: results.map { ($0.policy, $0.outcomes[0]) })
    }

    /// Wall clock times nodes, from the events alone.
    private static func nodeNanoseconds(_ history: ClusterHistory) -> Int128 {
        var (sum, count, last) = (Int128(0), 0, SimulatedTime.zero)
        for event in history.events where event.time < history.duration {
            sum += Int128(count) * Int128((event.time - last).nanoseconds)
            last = event.time
            switch event.change {
            case .join: count += event.nodes.count
            case .loss: count -= event.nodes.count
            case .notice, .slow: break
            }
        }
        return sum + Int128(count) * Int128((history.duration - last).nanoseconds)
    }

    @Test(
        "on recorded traces the ledger sums exactly, bounds hold, and other names change nothing",
        arguments: [
            "p3-trace.csv", "g4dn-trace.csv", "a100x1-east1b.txt", "scale_gcp-trace.csv",
            "aws-p2-hours.csv",
        ]
    )
    func recorded(_ name: String) throws {
        let trace = try TraceReader(path: PublicTraces.path(name)).read()
        let random = CounterRandom(seed: 9)
        var names: [String: String] = [:]
        for node in Set(trace.events.map(\.node)).sorted() {
            names[node] = String(random.bits(stream: 0, index: names.count), radix: 36)
        }
        let renamed = try PreemptionTrace(
            events: trace.events.map {
                PreemptionTrace.Event(
                    milliseconds: $0.milliseconds,
                    change: $0.change,
                    node: names[$0.node] ?? ""
                )
            },
            end: trace.end
        )
        let history = ClusterHistory(trace, startup: SimulatedTime(45))
        let plain = try Self.outcomes(history)
        let other = try Self.outcomes(ClusterHistory(renamed, startup: SimulatedTime(45)))
        let free = try #require(plain[.zeroCost])
        let clairvoyant = try #require(plain[.clairvoyant])
        #expect(free.samples > 0 && free.samples <= clairvoyant.samples)
        for (policy, outcome) in plain {
            #expect(outcome.time.total == Self.nodeNanoseconds(history), "\(policy.rawValue)")
            for activity in NodeActivity.allCases { #expect(outcome.time[activity] >= 0) }
            if policy != .clairvoyant {
                #expect(outcome.samples <= free.samples, "\(policy.rawValue)")
            }
            #expect(outcome.samples == other[policy]?.samples, "\(policy.rawValue)")
            #expect(outcome.nodeTimes == other[policy]?.nodeTimes, "\(policy.rawValue)")
        }
    }

    /// What a bound makes of a world of losses for good.
    private static func samples(
        _ losses: [(seconds: Double, nodes: [Int])],
        _ kind: BoundPolicy.Kind
    ) throws -> Double {
        let model = Fixture.cluster()
        let history = Fixture.history(nodes: 14, losses: losses, duration: 40_000)
        let bound = BoundPolicy(try StepTable(model, nodes: 14), kind)
        return ClusterSimulation.run(model, history, bound).samples
    }

    @Test("a bound never gains by one more loss, in no single world", arguments: 0..<20)
    func oneMoreLoss(seed: Int) throws {
        let random = CounterRandom(seed: UInt64(seed))
        var alive = Array(0..<14)
        var losses: [(seconds: Double, nodes: [Int])] = []
        for index in 0..<12 {
            let wait = 3000 * random.exponential(stream: 0, index: index)
            let place = Int(random.bits(stream: 1, index: index) % UInt64(alive.count))
            losses.append(((losses.last?.seconds ?? 0) + wait, [alive.remove(at: place)]))
        }
        for kind in [BoundPolicy.Kind.zeroCost, .clairvoyant] {
            let all = try Self.samples(losses, kind)
            for spared in losses.indices {
                var fewer = losses
                fewer.remove(at: spared)
                #expect(try Self.samples(fewer, kind) >= all, "without loss \(spared)")
            }
            #expect(try Self.samples([], kind) > all)
        }
    }
}
