import OobleckCoordination
import OobleckCore
import OobleckDrill
import Testing

@Suite struct CoordinatorCheckpointSimulationTests {
    /// Many deaths, on a disk that fails now and then, and nodes that come when the worst is over.
    private static func cluster(seed: UInt64) throws -> SimulatedCluster {
        var random = SeededRandom(seed: seed &* 104_729)
        var weather = SimulatedCluster.Weather(
            kills: Int.random(in: 2...12, using: &random),
            joins: Int.random(in: 0...3, using: &random),
            drains: Int.random(in: 0...2, using: &random),
            alarms: Int.random(in: 0...2, using: &random)
        )
        weather.disk = [0, 0.3, 0.6][Int.random(in: 0..<3, using: &random)]
        weather.rescues = Int.random(in: 0...8, using: &random)
        let every = Int.random(in: 1...3, using: &random)
        return try SimulatedCluster(
            seed: seed,
            nodes: Int.random(in: 2...8, using: &random),
            steps: Int.random(in: 4...20, using: &random),
            weather: weather,
            checkpoint: CheckpointSpecification(
                random.chance(0.2) ? .youngDaly : .steps(every),
                keep: Int.random(in: 1...3, using: &random),
                wait: 40
            )
        )
    }

    @Test(
        "with checkpoints a run ends as the undisturbed one, or for a lack of nodes or of a whole one",
        arguments: 0..<250
    )
    func anyWeather(seed: Int) throws {
        var cluster = try Self.cluster(seed: UInt64(seed))
        cluster.run(until: 300)
        #expect(cluster.problems == [])
        let reference = cluster.model.reference(steps: cluster.steps)
        #expect(cluster.ledger.map(\.step) == Array(cluster.ledger.indices))
        for step in cluster.history {
            #expect(step.loss == reference.losses[step.step])
            #expect(step.gradientNorm == reference.norms[step.step])
        }
        for worker in cluster.workers.values {
            for (layer, state) in worker.layers {
                #expect(state.value == reference.states[state.steps][layer])
            }
            for (step, generation) in worker.applied {
                #expect(cluster.history.contains { $0.step == step && $0.generation == generation })
            }
        }
        let result = cluster.coordinator.result(stateSHA256: "")
        #expect(result.samplesCommitted == 32 * cluster.ledger.count)
        #expect(result.samplesRepeated == 0)
        #expect(result.restores?.count ?? 0 == cluster.restored.count)
        switch try #require(cluster.outcome) {
        case .completed(let digests, _):
            #expect(cluster.ledger.count == cluster.steps)
            #expect(digests == reference.states[cluster.steps].map { "\($0)" })
        case .abandoned(let error): Issue.record("abandoned: \(error)")
        case .stopped(let error):
            #expect(error.code == .outOfNodes, "\(error)")
            #expect(
                cluster.usableNodes < 2 || !cluster.lostLayers.isEmpty,
                "stopped for no reason: \(error)"
            )
            // With nodes enough, only a lack of whole checkpoints may end it.
            if cluster.usableNodes >= 2 {
                #expect(error.message.contains("no checkpoint"), "\(error)")
            }
        }
    }

    @Test("the seeds reach saves, faults of the store, damage, waiting and returns")
    func weatherIsVaried() throws {
        var kinds: [RunEvent.Kind: Int] = [:]
        var restoredAndCompleted = 0
        for seed in 0..<200 {
            var cluster = try Self.cluster(seed: UInt64(seed))
            cluster.run(until: 300)
            for event in cluster.events { kinds[event.kind, default: 0] += 1 }
            if case .completed = cluster.outcome, !cluster.restored.isEmpty {
                restoredAndCompleted += 1
            }
        }
        #expect(restoredAndCompleted > 5)
        let wanted: [RunEvent.Kind] = [
            .checkpointSaved, .checkpointFailed, .checkpointDamaged, .waitingForNodes, .restored,
        ]
        for kind in wanted { #expect(kinds[kind, default: 0] > 0, "\(kind): \(kinds)") }
    }
}
