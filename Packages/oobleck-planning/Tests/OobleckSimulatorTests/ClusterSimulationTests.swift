import Foundation
import OobleckReconfiguration
import OobleckValues
import Testing

@testable import OobleckSimulator

@Suite(.timeLimit(.minutes(10))) struct ClusterSimulationTests {
    typealias Fixture = SimulationFixture

    @Test(
        "every nanosecond of every node goes to one activity",
        arguments: SimulatedPolicy.allCases,
        0..<6
    )
    func ledger(_ policy: SimulatedPolicy, seed: Int) throws {
        let model = Fixture.cluster()
        let nodes = 11
        let history = Fixture.harsh.history(
            nodes: nodes,
            duration: SimulatedTime(Fixture.day),
            seed: UInt64(seed)
        )
        let outcome = ClusterSimulation.run(
            model,
            history,
            try Fixture.policy(policy, model, nodes: nodes)
        )
        #expect(outcome.time.total == outcome.nodeNanoseconds)
        var present = [Int](repeating: 0, count: nodes)
        var since = [SimulatedTime?](repeating: nil, count: nodes)
        for event in history.events {
            for node in event.nodes {
                switch event.change {
                case .join: since[node] = event.time
                case .loss:
                    present[node] += (event.time - (since[node] ?? event.time)).nanoseconds
                    since[node] = nil
                case .notice, .slow: break
                }
            }
        }
        for (node, time) in outcome.nodeTimes.enumerated() {
            let rest = since[node].map { (history.duration - $0).nanoseconds } ?? 0
            #expect(time.total == present[node] + rest, "node \(node)")
            for activity in NodeActivity.allCases { #expect(time[activity] >= 0) }
        }
        for activity in NodeActivity.allCases {
            let sum = outcome.nodeTimes.reduce(Int128(0)) { $0 + Int128($1[activity]) }
            #expect(sum == outcome.time[activity], "\(activity)")
        }
        #expect(outcome.losses > 10)
    }

    @Test(
        "without failures goodput is samples over the time of a step",
        arguments: SimulatedPolicy.allCases
    )
    func undisturbed(_ policy: SimulatedPolicy) throws {
        let model = Fixture.cluster()
        let history = Fixture.history(nodes: 8, losses: [], duration: 86_400)
        let outcome = ClusterSimulation.run(
            model,
            history,
            try Fixture.policy(policy, model, nodes: 8, meanTimeToFailure: nil)
        )
        let table = try StepTable(model, nodes: 8)
        let best = try #require(table.fastestStep(nodes: 8)).seconds
        let ideal = Double(model.samplesPerStep) / best
        #expect(outcome.goodput > 0)
        #expect(outcome.lostSteps == 0)
        #expect(policy == .clairvoyant || outcome.goodput <= ideal * (1 + 1e-9))
        // The planner's own choice, less an hourly snapshot in the background.
        if policy == .oobleck { #expect(outcome.goodput > 0.999 * ideal) }
    }

    @Test("one failure costs the running step, detection, rebuilding and the copies, no more")
    func oneFailure() throws {
        let model = Fixture.cluster()
        let failure = 1000.25
        let history = Fixture.history(nodes: 4, losses: [(failure, [3])], duration: 2000)
        let policy = try OobleckPolicy(
            StepTable(model, nodes: 4),
            .optimal,
            nodes: 4,
            checkpoints: CheckpointPlan(.time(1e6), meanTimeToFailure: nil)
        )
        let outcome = ClusterSimulation.run(model, history, policy)
        let table = try StepTable(model, nodes: 4)
        let before = try #require(table.elasticStep(nodes: 4)).step.seconds
        let after = try #require(table.elasticStep(nodes: 3)).step.seconds
        let recovery = try #require(outcome.recovery(quantile: 1)).value
        // At least one node gets half of the layers, 3 GB each, over 25 GB/s.
        #expect(recovery >= 1.05)
        #expect(recovery <= 1.05 + 12 * 3e9 / 25e9)
        let steps = Int(failure / before) + Int((2000 - failure - recovery) / after)
        #expect(outcome.steps == steps)
        #expect(outcome.lostSteps == 1)
        #expect(outcome.samples == Double(steps * model.samplesPerStep))
    }

    @Test("up to f losses at once never cost more than the running step", arguments: 0..<10)
    func faultTolerance(seed: Int) throws {
        let model = Fixture.cluster(faultTolerance: 2)
        let random = CounterRandom(seed: UInt64(seed))
        var alive = Array(0..<16)
        var losses: [(seconds: Double, nodes: [Int])] = []
        for index in 0..<4 {
            let gone = (0..<2).map { draw in
                let bits = random.bits(stream: draw, index: index)
                return alive.remove(at: Int(bits % UInt64(alive.count)))
            }
            losses.append((Double(1000 * (index + 1)), gone.sorted()))
        }
        let history = Fixture.history(nodes: 16, losses: losses, duration: 6000)
        for policy in [SimulatedPolicy.oobleck, .oobleckPublished] {
            let outcome = ClusterSimulation.run(
                model,
                history,
                try Fixture.policy(policy, model, nodes: 16)
            )
            #expect(outcome.lostSteps <= 4)
            #expect(outcome.recoveries.count == 4)
        }
    }

    @Test("the same seed gives the same bytes, another one others")
    func sameBytes() throws {
        func report(_ seed: UInt64) throws -> Data {
            let experiment = SimulationExperiment(
                model: Fixture.cluster(),
                source: .chance(Fixture.harsh, nodes: 9, duration: Fixture.day),
                policies: [.oobleck, .varuna],
                trials: 6,
                seed: seed
            )
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return try encoder.encode(SimulationReport(experiment, experiment.run()))
        }
        #expect(try report(1) == report(1))
        #expect(try report(1) != report(2))
    }

    @Test("a slow node is left out where the others alone are faster")
    func slowNode() throws {
        let model = Fixture.cluster()
        let start = ClusterEvent(time: .zero, change: .join, nodes: Array(0..<8))
        func goodput(_ policy: SimulatedPolicy, factor: Double) throws -> Double {
            let slow = ClusterEvent(
                time: SimulatedTime(100),
                change: .slow(factor: factor),
                nodes: [3]
            )
            let history = ClusterHistory(
                events: [start, slow],
                nodeCount: 8,
                duration: SimulatedTime(Fixture.day)
            )
            let made = try Fixture.policy(policy, model, nodes: 8)
            return ClusterSimulation.run(model, history, made).goodput
        }
        let table = try StepTable(model, nodes: 8)
        let alone = try #require(table.elasticStep(nodes: 7)).step.seconds
        let all = try #require(table.elasticStep(nodes: 8)).step.seconds
        let samples = Double(model.samplesPerStep)
        // Five times slower is worth leaving out, a hundredth is not.
        #expect(abs(try goodput(.oobleck, factor: 5) / (samples / alone) - 1) < 0.01)
        #expect(abs(try goodput(.oobleck, factor: 1.01) / (samples / all / 1.01) - 1) < 0.01)
        #expect(try goodput(.checkpoint, factor: 5) < 0.3 * samples / all)
    }

    @Test("a job that stood for lack of nodes goes on when they are back")
    func halt() throws {
        let model = Fixture.cluster()
        let text = """
            0,add,a
            0,add,b
            1000000,remove,a
            3000000,add,c
            """
        let trace = try TraceReader.trace(text + "\n6000000,add,d", name: "t")
        // Bamboo has no room for two places of so few nodes.
        for policy in SimulatedPolicy.allCases where policy != .bamboo {
            let outcome = ClusterSimulation.run(
                model,
                ClusterHistory(trace),
                try Fixture.policy(policy, model, nodes: 3)
            )
            #expect(outcome.time.total == outcome.nodeNanoseconds)
            #expect(outcome.time[.idle] > 1_900_000_000_000, "\(policy.rawValue)")
            #expect(outcome.steps > 0, "\(policy.rawValue)")
        }
    }

    @Test(
        "backups come every so often, also when changes are more frequent",
        arguments: [SimulatedPolicy.oobleck, .bamboo, .hotSpares, .recycle]
    )
    func backupsThroughChanges(_ policy: SimulatedPolicy) throws {
        let model = Fixture.cluster(leastNodes: 1)
        let nodes = 8
        var events = [ClusterEvent(time: .zero, change: .join, nodes: Array(0..<nodes))]
        // A node goes every two minutes, and is back a minute later.
        for index in 1..<50 {
            let time = SimulatedTime(Seconds(Double(120 * index)))
            let back = SimulatedTime(Seconds(Double(120 * index + 60)))
            events.append(ClusterEvent(time: time, change: .loss(.crash), nodes: [index % nodes]))
            events.append(ClusterEvent(time: back, change: .join, nodes: [index % nodes]))
        }
        // Then all are lost at once.
        let end = SimulatedTime(6090)
        events.append(ClusterEvent(time: end, change: .loss(.crash), nodes: Array(0..<nodes)))
        let outcome = ClusterSimulation.run(
            model,
            ClusterHistory(events: events, nodeCount: nodes, duration: SimulatedTime(6100)),
            try policy.make(
                StepTable(model, nodes: nodes),
                nodes: nodes,
                meanTimeToFailure: 120,
                backupInterval: 600
            )
        )
        // Of 6,090 s at most an interval is lost, with the write and the recoveries in it.
        let done = Double(outcome.steps + outcome.lostSteps)
        #expect(outcome.steps > 0)
        #expect(Double(outcome.steps) / done > 0.8)
    }

    @Test("two seeds share no world")
    func seedsShareNoWorld() throws {
        func samples(_ seed: UInt64) throws -> [Double] {
            let experiment = SimulationExperiment(
                model: Fixture.cluster(),
                source: .chance(Fixture.harsh, nodes: 9, duration: Fixture.day),
                policies: [.zeroCost],
                trials: 20,
                seed: seed
            )
            return try experiment.run()[0].outcomes.map(\.samples)
        }
        #expect(Set(try samples(1)).isDisjoint(with: try samples(2)))
    }

    @Test("an outage for lack of nodes is a recovery as long as it lasts")
    func outageIsRecovery() throws {
        let model = Fixture.cluster()
        let history = ClusterHistory(
            events: [
                ClusterEvent(time: .zero, change: .join, nodes: [0, 1]),
                ClusterEvent(time: SimulatedTime(1000), change: .loss(.crash), nodes: [0]),
                ClusterEvent(time: SimulatedTime(5000), change: .join, nodes: [0]),
                ClusterEvent(time: SimulatedTime(9000), change: .loss(.crash), nodes: [0]),
            ],
            nodeCount: 2,
            duration: SimulatedTime(10_000)
        )
        for policy in [SimulatedPolicy.oobleck, .checkpoint, .recycle] {
            let made = try Fixture.policy(policy, model, nodes: 2)
            let recoveries = ClusterSimulation.run(model, history, made).recoveries
            #expect(recoveries.count == 2, "\(policy.rawValue)")
            #expect(recoveries.allSatisfy { $0.seconds >= 1000 }, "\(policy.rawValue)")
            #expect((recoveries.last?.seconds ?? 0) >= 4000, "\(policy.rawValue)")
        }
    }
}
