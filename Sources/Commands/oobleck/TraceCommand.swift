import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckTraces

/// `oobleck trace`.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Write what each worker did in its last steps, for Perfetto or Chrome's tracing.",
        discussion: """
            Each worker keeps its last 128 steps, and writes them beside its log (logs/node-N.trace) every 16 \
            steps, when its generation ends and at its own end. The trace has a row for each worker, the run's \
            steps, recoveries and checkpoints, and the newest plan's step as it was predicted. Open it at \
            ui.perfetto.dev or about:tracing; it stays on this machine. With --format json, one object: message \
            and path.
            """
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(
        help: ArgumentHelp(
            "Committed steps to show, as 40..50. [all that are kept]",
            valueName: "a..b"
        )
    )
    var steps: String?

    @Option(help: "The file to write. [trace.json in the run's directory]")
    var to: String?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func validate() throws { _ = try range() }

    private func range() throws -> ClosedRange<Int>? {
        guard let steps else { return nil }
        let ends = steps.split(separator: "..", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], 1 <= first, first <= last
        else {
            throw ValidationError("--steps is \(steps); it must be A..B with 1 <= A <= B.")
        }
        return first...last
    }

    func run() throws {
        let directory = try RunDirectory.open(path: runDirectory)
        let trace = try RunTrace(reading: directory, steps: try range())
        let path = to ?? directory.path + "/trace.json"
        try AtomicFile.write(Array(trace.json.utf8), to: path)
        let shown = trace.steps.map { " of steps \($0.lowerBound) to \($0.upperBound)" } ?? ""
        let message = "wrote the trace\(shown) to \(path)"
        try Console.result(
            CommandReport(message: message, path: path.absolutePath).text(format)
        )
    }
}
