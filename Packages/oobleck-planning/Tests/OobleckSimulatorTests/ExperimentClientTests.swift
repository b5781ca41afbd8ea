import Foundation
import OobleckPlanning
import OobleckSimulator
import OobleckValues
import Synchronization
import Testing

/// Trains with all nodes at the planner's step, and repeats a step after a loss.
private struct Plain: ResiliencePolicy {
    let table: StepTable

    mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        let training = table.plannedStepTime(nodes: view.alive.count)
            .map { PolicyAnswer.Training(step: $0, samples: table.samplesPerStep) }
        if case .changed(let joined, _, _) = event, joined.isEmpty { return nil }
        if case .lost = event { return PolicyAnswer(.runningStep, [], then: training) }
        return PolicyAnswer(.none, [], then: training)
    }
}

@Suite("A client of the simulator", .timeLimit(.minutes(10)))
struct ExperimentClientTests {
    private func experiment(_ trials: Int) throws -> SimulationExperiment {
        let shape = try TransformerShape.named("GPT-2")
        return SimulationExperiment(
            model: ClusterModel(
                profile: shape.profile(shape.device),
                microbatches: shape.microbatches
            ),
            source: .chance(
                FailureModel(meanTimeBetweenFailures: 36_000, repairTime: 1200),
                nodes: 8,
                duration: 36_000
            ),
            policies: [.oobleck, .custom("plain") { table, _ in Plain(table: table) }],
            trials: trials
        )
    }

    @Test("progress counts every trial, and the results are those of a run without it")
    func progress() async throws {
        let experiment = try experiment(6)
        let seen = Counts()
        let results = try await experiment.run { seen.append($0) }
        #expect(seen.finished.sorted() == Array(1...6))
        let plain = try experiment.run()
        #expect(results.map(\.policy.rawValue) == ["oobleck", "plain"])
        for (one, other) in zip(results, plain) {
            #expect(one.outcomes.map(\.samples) == other.outcomes.map(\.samples))
            #expect(one.obstacle == nil)
        }
    }

    @Test("an experiment whose task is cancelled ends early with CancellationError")
    func cancelled() async throws {
        let experiment = try experiment(SimulationExperiment.mostTrials)
        let seen = Counts()
        let task = Task { try await experiment.run { seen.append($0) } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(seen.finished.count < SimulationExperiment.mostTrials)
    }

    @Test("one trial has no interval, and its JSON none either")
    func interval() throws {
        let one = SimulationEstimate([3])
        #expect(one.margin == nil)
        let data = try JSONEncoder().encode(one)
        #expect(!String(decoding: data, as: UTF8.self).contains("ci95"))
        #expect(try JSONDecoder().decode(SimulationEstimate.self, from: data) == one)
        #expect(SimulationEstimate([3, 5]).margin != nil)
    }

    @Test("only known names are policies; a client's is another, by its name")
    func names() throws {
        for policy in SimulatedPolicy.allCases {
            #expect(SimulatedPolicy(rawValue: policy.rawValue) == policy)
            let data = try JSONEncoder().encode([policy])
            #expect(String(decoding: data, as: UTF8.self) == "[\"\(policy.rawValue)\"]")
            #expect(try JSONDecoder().decode([SimulatedPolicy].self, from: data) == [policy])
        }
        #expect(SimulatedPolicy(rawValue: "plain") == nil)
        #expect(throws: OobleckError.self) { try SimulatedPolicy(name: "plain") }
        #expect(Set(SimulatedPolicy.allCases).count == 11)
    }
}

/// The finished trials that were reported, from any task.
private final class Counts: Sendable {
    private let list = Mutex<[Int]>([])

    var finished: [Int] { list.withLock { $0 } }

    func append(_ progress: SimulationExperiment.Progress) {
        list.withLock { $0.append(progress.finished) }
    }
}
