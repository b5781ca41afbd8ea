import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckPaperSimulator
import OobleckReports
import OobleckSimulator

/// `oobleck simulate`.
package struct SimulateCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulate how policies survive failures.",
        discussion: """
            Policies: \(SimulatedPolicy.allCases.map(\.rawValue).joined(separator: ", ")); \
            with --paper-compatible: \(PaperPolicy.allCases.map(\.rawValue).joined(separator: ", ")).
            Models: \(TransformerShape.known.map(\.name).joined(separator: ", ")).
            """
    )

    @Option(help: "The policies, with commas between; the others are compared with the first.")
    var policy = SimulatedPolicy.oobleck.rawValue

    @Option(help: "A file in a public format: when nodes come and go.")
    var trace: String?

    @Option(help: "A built-in model.")
    var model: String?

    @Option(help: "A profile.json instead of a built-in model.")
    var profile: String?

    @Flag(help: "Simulate as the paper's evaluation did, to the digit, mistakes included.")
    var paperCompatible = false

    @Flag(help: "With --paper-compatible: set right what is wrong in it.")
    var corrected = false

    @Option(help: "With --paper-compatible: the experiment, frequency or spot. [by the trace]")
    var experiment: PaperExperiment?

    @OptionGroup(title: "Failures by chance") var failures: FailureOptions

    @OptionGroup(title: "What things cost") var costs: CostOptions

    @Option(help: "How to print.")
    var format = OutputFormat.text

    package init() {}

    package func run() throws {
        if paperCompatible { return try runPaper() }
        guard !corrected, experiment == nil else {
            throw OobleckError(
                .usage,
                "--corrected and --experiment are for --paper-compatible; "
                    + "without it nothing needs to be corrected"
            )
        }
        let policies = try policy.split(separator: ",")
            .map { try SimulatedPolicy(name: $0.trimmingCharacters(in: .whitespaces)) }
        let (source, note) = try failures.source(trace: trace)
        let experiment = SimulationExperiment(
            model: try costs.cluster(model: model, profile: profile),
            source: source,
            policies: policies,
            trials: failures.worlds.trials,
            seed: failures.worlds.seed,
            interval: try costs.interval,
            backupInterval: Seconds(costs.backupSeconds ?? 3600),
            reserve: costs.reserve ?? 1,
            varunaRestart: try costs.varunaRestart(of: model)
        )
        let remarks = [note, try costs.speedNote(model: model)].compactMap(\.self)
        let report = SimulationReport(
            experiment,
            try experiment.run(),
            note: remarks.isEmpty ? nil : remarks.joined(separator: "\n")
        )
        for line in notes(policies) { Console.complain(line) }
        try Console.result(
            format == .json ? Console.json(report) : report.text(width: Console.pageLimit)
        )
    }

    /// What of the options has no effect, and does no harm.
    private func notes(_ policies: [SimulatedPolicy]) -> [String] {
        let ofChance = IdleOptions([("--trials", failures.trials), ("--seed", failures.seed)])
        let note = trace == nil ? nil : ofChance.note("beside --trace, which is one world, given")
        return (note.map { [$0] } ?? []) + costs.notes(policies)
    }

    private func runPaper() throws {
        try IdleOptions([("--profile", profile)]).refuse("with --paper-compatible; give --model")
        let reason = "with --paper-compatible, which simulates as the paper's evaluation did"
        try failures.refuseAll(reason)
        try costs.refuseAll(reason)
        guard let trace else {
            throw OobleckError(.usage, "--paper-compatible needs --trace, a file of events")
        }
        guard let name = model else {
            throw OobleckError(.usage, "--paper-compatible needs --model, one of the paper's")
        }
        let model = try PaperModel(name: name)
        let policy = try PaperPolicy(name: policy)
        let reading = try TraceReader(path: trace, unit: failures.traceUnit).reading()
        try reading.requirePlausibleLength(path: trace)
        let result = try PaperSimulation.run(
            model: model,
            policy: policy,
            trace: reading.trace,
            experiment: experiment,
            corrections: corrected ? .all : []
        )
        try Console.result(
            format == .json
                ? Console.json(result)
                : result.text(model: model, policy: policy, width: Console.pageLimit)
                    + "\n\n" + reading.summary
        )
    }
}

// Both packages are ours: no other conformance can appear.
// swift-format-ignore: AvoidRetroactiveConformances
extension PaperExperiment: @retroactive ExpressibleByArgument {}
