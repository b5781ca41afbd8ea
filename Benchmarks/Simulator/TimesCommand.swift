import ArgumentParser
import Foundation
import OobleckClock
import OobleckCore
import OobleckSimulator

/// Times simulations without the start of the program, on one core; one JSON object a line.
struct TimesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "times")

    @Option(help: "Nodes, of which one fails each hour and is back an hour later, on average.")
    var nodes = 1000

    @Option(help: "Simulated days.")
    var days = 40.0

    @Option(help: "How often each is timed.")
    var repeats = 5

    /// One part, done once.
    private struct Row: Encodable {
        let part: String
        let events: Int
        let seconds: Double
    }

    func run() throws {
        let duration = SimulatedTime(Seconds(86_400 * days))
        let law = FailureModel(meanTimeBetweenFailures: 3600, repairTime: 3600)
        for _ in 0..<repeats {
            try time("world") {
                law.history(nodes: nodes, duration: duration, seed: 1).events.count
            }
        }
        let history = law.history(nodes: nodes, duration: duration, seed: 1)
        let shape = try TransformerShape.named("GPT-3-2.7b")
        let model = ClusterModel(
            profile: shape.profile(shape.device),
            microbatches: shape.microbatches
        )
        let table = try StepTable(model, nodes: nodes)
        for policy in SimulatedPolicy.allCases where policy.obstacle(table) == nil {
            let value = try policy.make(
                table,
                nodes: nodes,
                meanTimeToFailure: law.meanTimeToFailure(nodes: nodes)
            )
            // What is computed once for a model and a size is not the simulation's time.
            _ = ClusterSimulation.run(model, history, value)
            for _ in 0..<repeats {
                try time(policy.rawValue) { ClusterSimulation.run(model, history, value).events }
            }
        }
    }

    private func time(_ part: String, _ work: () -> Int) throws {
        let start = MonotonicTime.now
        let events = work()
        let seconds = (MonotonicTime.now - start).value
        let line = try JSONEncoder().encode(Row(part: part, events: events, seconds: seconds))
        Console.show(String(decoding: line, as: UTF8.self))
    }
}
