import ArgumentParser
import Foundation
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckSimulator

/// Times simulations without the start of the program, on one core; one JSON object a line.
///
/// The processor's time is what counts on a machine that does other things too.
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
        let losses: Int
        let seconds: Double
        let processorSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case part
            case events
            case losses
            case seconds
            case processorSeconds = "processor_seconds"
        }
    }

    func run() throws {
        let duration = SimulatedTime(Seconds(86_400 * days))
        let law = FailureModel(meanTimeBetweenFailures: 3600, repairTime: 3600)
        for _ in 0..<repeats {
            try time("world") {
                let world = law.history(nodes: nodes, duration: duration, seed: 1)
                return (world.events.count, world.lossCount)
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
                try time(policy.rawValue) {
                    let outcome = ClusterSimulation.run(model, history, value)
                    return (outcome.events, outcome.losses)
                }
            }
        }
    }

    private func time(_ part: String, _ work: () -> (events: Int, losses: Int)) throws {
        let (start, used) = (MonotonicTime.now, clock())
        let counts = work()
        let row = Row(
            part: part,
            events: counts.events,
            losses: counts.losses,
            seconds: (MonotonicTime.now - start).value,
            processorSeconds: Double(clock() - used) / Double(CLOCKS_PER_SEC)
        )
        Console.show(String(decoding: try JSONEncoder().encode(row), as: UTF8.self))
    }
}
