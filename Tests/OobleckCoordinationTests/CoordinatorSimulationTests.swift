import OobleckCoordination
import OobleckCore
import OobleckDrill
import Testing

@Suite struct CoordinatorSimulationTests {
    static func cluster(seed: UInt64) throws -> SimulatedCluster {
        var random = SeededRandom(seed: seed &* 7919)
        let weather = SimulatedCluster.Weather(
            kills: Int.random(in: 0...5, using: &random),
            joins: Int.random(in: 0...3, using: &random),
            drains: Int.random(in: 0...2, using: &random),
            alarms: Int.random(in: 0...3, using: &random)
        )
        return try SimulatedCluster(
            seed: seed,
            nodes: Int.random(in: 2...8, using: &random),
            steps: Int.random(in: 1...12, using: &random),
            weather: weather
        )
    }

    @Test(
        "whatever dies, joins or leaves, a run ends as the undisturbed one, or for a lack of nodes",
        arguments: 0..<300
    )
    func anyWeather(seed: Int) throws {
        var cluster = try Self.cluster(seed: UInt64(seed))
        cluster.run(until: 300)
        try Self.checkEnd(of: cluster)
    }

    /// Whether the run ended as it must, and everything it left fits.
    static func checkEnd(of cluster: SimulatedCluster) throws {
        #expect(cluster.problems == [])
        let reference = cluster.model.reference(steps: cluster.steps)
        checkLedger(of: cluster, reference.losses, reference.norms)
        for worker in cluster.workers.values { checkApplied(worker, by: cluster, reference.states) }
        switch try #require(cluster.outcome) {
        case .completed(let digests, let loss):
            #expect(cluster.ledger.count == cluster.steps)
            #expect(loss == reference.losses.last)
            let final = reference.states[cluster.steps]
            #expect(digests == final.map { "\($0)" })
            for layer in final.indices {
                let bytes = (0..<8).map { UInt8(truncatingIfNeeded: final[layer] >> (8 * $0)) }
                #expect(cluster.stored[layer]?.bytes == bytes)
            }
        case .abandoned(let error): Issue.record("abandoned: \(error)")
        case .stopped(let error):
            #expect(error.code == .outOfNodes, "\(error)")
            #expect(
                cluster.usableNodes < 2 || !cluster.lostLayers.isEmpty,
                "stopped for no reason: \(error)"
            )
        }
    }

    private static func checkLedger(
        of cluster: SimulatedCluster,
        _ losses: [Double],
        _ norms: [Double]
    ) {
        let ledger = cluster.ledger
        #expect(ledger.map(\.step) == Array(0..<ledger.count))
        #expect(ledger.map(\.loss) == Array(losses.prefix(ledger.count)))
        #expect(ledger.map(\.gradientNorm) == Array(norms.prefix(ledger.count)))
        #expect(ledger.map(\.firstSample) == ledger.indices.map { 32 * $0 })
        #expect(ledger.map(\.endSample) == ledger.indices.map { 32 * $0 + 32 })
        let result = cluster.coordinator.result(stateSHA256: "")
        #expect(result.samplesCommitted == 32 * ledger.count)
        #expect(result.samplesRepeated == 0)
        #expect(result.recoveries == cluster.recoveries)
        let lost = cluster.recoveries.flatMap(\.lostNodes)
        #expect(Set(lost).count == lost.count && cluster.fenced.isSuperset(of: lost))
    }

    /// A worker applied only what the ledger has, under the same generation, each step once and in
    /// order, and what it holds is the undisturbed run's state.
    private static func checkApplied(
        _ worker: SimulatedWorker,
        by cluster: SimulatedCluster,
        _ states: [[UInt64]]
    ) {
        let steps = worker.applied.map(\.step)
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 })
        for (step, generation) in worker.applied {
            #expect(cluster.history.contains { $0.step == step && $0.generation == generation })
        }
        for (layer, state) in worker.layers { #expect(state.value == states[state.steps][layer]) }
    }

    @Test("the seeds reach every kind of end and of trouble")
    func weatherIsVaried() throws {
        var completed = 0
        var kinds: Set<RunEvent.Kind> = []
        var merged = 0
        for seed in 0..<120 {
            var cluster = try Self.cluster(seed: UInt64(seed))
            cluster.run(until: 300)
            if case .completed = cluster.outcome { completed += 1 }
            kinds.formUnion(cluster.events.map(\.kind))
            merged += cluster.recoveries.count { $0.lostNodes.count > 1 }
        }
        #expect(completed > 40 && completed < 120)
        #expect(merged > 3)
        let wanted: Set<RunEvent.Kind> = [
            .nodeJoined, .nodeReady, .nodeLost, .nodeDrained, .suspicion, .aborted, .planned,
            .prepared, .resumed, .committed, .recovered, .warning, .finished, .stopped,
        ]
        #expect(wanted.isSubset(of: kinds), "never seen: \(wanted.subtracting(kinds))")
    }
}
