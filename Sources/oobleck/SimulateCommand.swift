import ArgumentParser
import Foundation
import OobleckCore
import OobleckSimulator

/// `oobleck simulate`.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulate how a policy survives preemptions."
    )

    @Option(help: "A file in a public format: when nodes come and go.")
    var trace: String

    @Option(help: "The policy: bamboo, varuna, varuna-nockpt or oobleck.")
    var policy: String

    @Option(help: "The model, one of the paper's.")
    var model: String

    @Flag(help: "Simulate as the paper's evaluation did, to the digit, mistakes included.")
    var paperCompatible = false

    @Flag(help: "Set right what is wrong in the published simulators.")
    var corrected = false

    @Option(help: "The paper's experiment: frequency or spot. [by the trace]")
    var experiment: PaperExperiment?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        guard paperCompatible else {
            throw OobleckError(.usage, "only --paper-compatible is there yet")
        }
        let model = try PaperModel(name: model)
        let policy = try PaperPolicy(name: policy)
        let result = try PaperSimulation.run(
            model: model,
            policy: policy,
            trace: TraceReader(path: trace).read(),
            experiment: experiment,
            corrections: corrected ? .all : []
        )
        print(
            format == .json
                ? try Console.json(result) : result.text(model: model, policy: policy)
        )
    }
}

extension PaperExperiment: ExpressibleByArgument {}

extension PaperResult {
    /// The result for people, within 80 columns.
    func text(model: PaperModel, policy: PaperPolicy) -> String {
        func row(_ name: String, _ seconds: Double) -> String {
            let name = name.padding(toLength: 12, withPad: " ", startingAt: 0)
            let share = Console.decimal(100 * seconds / max(duration, 1e-9), 1)
            let clock = Console.clock(seconds: seconds)
            return "  " + name + String(repeating: " ", count: max(0, 12 - clock.count)) + clock
                + String(repeating: " ", count: max(0, 9 - share.count)) + share + " %"
        }
        var lines = [
            "\(policy.rawValue) on \(model.rawValue): \(Console.decimal(throughput, 2)) samples/s, "
                + "\(steps) steps in \(Console.clock(seconds: duration))",
            "\(preemptions) preemptions, \(Console.decimal(averageNodes, 1)) nodes on average",
        ]
        if let reason { lines.append(Console.wrapped(reason)) }
        lines += ["", "breakdown           time   of the run"]
        lines += [
            ("effective", breakdown.effective), ("redundant", breakdown.redundant),
            ("rebalance", breakdown.rebalance), ("restart", breakdown.restart),
            ("checkpoint", breakdown.checkpoint), ("fallback", breakdown.fallback),
        ]
        .map(row)
        lines += ["", "state"]
        lines += [
            ("running", states.running), ("rendezvous", states.rendezvous),
            ("stopped", states.stopped),
        ]
        .map(row)
        return lines.joined(separator: "\n")
    }
}
