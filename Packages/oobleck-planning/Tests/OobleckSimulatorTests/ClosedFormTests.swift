import Foundation
import OobleckValues
import Testing

@testable import OobleckSimulator

/// Against formulas that do not come from the simulator.
@Suite(.timeLimit(.minutes(10))) struct ClosedFormTests {
    /// One pipeline a node, as many as microbatches, and spares, so that the size never changes.
    private func experiment(
        nodes: Int,
        failures: Double,
        interval: CheckpointPlan.Interval,
        days: Double,
        trials: Int
    ) throws -> (ratio: Double, holdUp: Double, recovery: Double, step: Double) {
        let layer = LayerProfile(
            name: "all",
            forward: 0.5,
            backward: 1,
            parameterBytes: 100_000_000_000,
            optimizerBytes: 300_000_000_000
        )
        let model = ClusterModel(
            profile: ModelProfile(model: "one", microbatchSize: 1, layers: [layer]),
            microbatches: nodes,
            storageBandwidth: 40e9,
            snapshotBandwidth: 400e9,
            restart: 120
        )
        let law = FailureModel(
            meanTimeBetweenFailures: Seconds(86_400 * 1000 / failures),
            repairTime: 3600
        )
        let results = try SimulationExperiment(
            model: model,
            source: .chance(law, nodes: nodes + 40, duration: Seconds(86_400 * days)),
            policies: [.checkpoint],
            trials: trials,
            interval: interval
        )
        .run()
        let goodput = results[0].estimate(\.goodput).mean
        return (
            goodput * 1.5 / Double(nodes),
            model.snapshotTime(nodesPerPipeline: 1).seconds + model.storageTime().seconds,
            model.crashDetection.value + model.restart.value + model.storageTime().seconds,
            1.5
        )
    }

    @Test(
        "the effective training time follows (1 - N r (u0 + dt/2)) / (1 + w/dt) within 5 %",
        arguments: [256, 512, 1024, 2048]
    )
    func effectiveTime(nodes: Int) throws {
        // 6.50 failures per 1,000 node-days, eight devices a node (Kokolis et al., 2024).
        let dt = 1800.0
        let measured = try experiment(
            nodes: nodes,
            failures: 6.5,
            interval: .time(Seconds(dt)),
            days: 20,
            trials: 4
        )
        let rate = 6.5 / 1000 / 86_400 * Double(nodes)
        let expected =
            (1 - rate * (measured.recovery + dt / 2)) / (1 + measured.holdUp / dt)
        #expect(abs(measured.ratio / expected - 1) < 0.05, "\(measured.ratio), \(expected)")
    }

    @Test("Poisson failures cost to first order what renewal theory says")
    func renewal() throws {
        // A cycle lasts until the checkpoint: with rate r and cycle c, (exp(r c) - 1) / r + recovery
        // for each of the exp(r c) - 1 failures of a cycle.
        let nodes = 512
        let dt = 3600.0
        let measured = try experiment(
            nodes: nodes,
            failures: 6.5,
            interval: .time(Seconds(dt)),
            days: 40,
            trials: 6
        )
        let rate = 6.5 / 1000 / 86_400 * Double(nodes)
        let cycle = dt + measured.holdUp
        let failures = exp(rate * cycle) - 1
        let expected = dt / (failures / rate + failures * measured.recovery)
        #expect(abs(measured.ratio / expected - 1) < 0.01, "\(measured.ratio), \(expected)")
    }

    @Test("no interval is better than Young and Daly's")
    func youngDaly() throws {
        let nodes = 1024
        func ratio(_ interval: CheckpointPlan.Interval) throws -> Double {
            try experiment(nodes: nodes, failures: 6.5, interval: interval, days: 20, trials: 4)
                .ratio
        }
        let chosen = try ratio(.youngDaly)
        let holdUp = 1.0 + 10
        let best = (2 * holdUp * 86_400 * 1000 / 6.5 / Double(nodes + 40)).squareRoot()
        for factor in [0.25, 0.5, 2, 4] {
            let other = try ratio(.time(Seconds(best * factor)))
            #expect(other <= chosen * 1.001, "\(factor): \(other), \(chosen)")
        }
    }
}
