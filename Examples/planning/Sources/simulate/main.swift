// Compares how policies respond to the same random failures; one of the policies is our own.
//
//     swift run --package-path Examples/planning simulate
import OobleckSimulator

/// Repeats the running step after each loss, after two minutes for a restart.
struct Patience: ResiliencePolicy {
    let table: StepTable

    mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        let training = table.plannedStepTime(nodes: view.alive.count)
            .map { PolicyAnswer.Training(step: $0, samples: table.samplesPerStep) }
        switch event {
        case .start:
            return PolicyAnswer(.none, [], then: training)
        case .changed(let joined, _, _):
            return joined.isEmpty ? nil : PolicyAnswer(.none, [], then: training)
        case .lost:
            let pause = PolicyAnswer.Phase(.recovering, SimulatedTime(120))
            return PolicyAnswer(.runningStep, [pause], then: training)
        }
    }
}

let shape = try TransformerShape.named("GPT-2")
let experiment = SimulationExperiment(
    model: ClusterModel(profile: shape.profile(shape.device), microbatches: shape.microbatches),
    source: .chance(
        FailureModel(meanTimeBetweenFailures: 36_000, repairTime: 1200),
        nodes: 16,
        duration: 86_400
    ),
    policies: [.oobleck, .checkpoint, .custom("patience") { table, _ in Patience(table: table) }],
    trials: 5
)
let results = try await experiment.run { progress in
    if progress.finished == progress.trials { print("\(progress.trials) worlds simulated") }
}
for result in results {
    let goodput = result.estimate(\.goodput)
    let margin = goodput.margin.map { " +- \($0.rounded())" } ?? ""
    print("\(result.policy.rawValue): \(goodput.mean.rounded())\(margin) samples/s")
}

// The task of an experiment can be cancelled.
let task = Task { try await experiment.run { _ in } }
task.cancel()
do {
    _ = try await task.value
    print("finished before it was cancelled")
} catch is CancellationError {
    print("cancelled")
}
