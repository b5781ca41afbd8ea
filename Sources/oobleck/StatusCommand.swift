import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckRun

/// `oobleck status`.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a run's nodes and progress."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        let directory = try RunDirectory.open(path: runDirectory)
        var status = try directory.status()
        if !directory.isRunning, status.phase != .finished { status.phase = .stopped }
        try Console.result(format == .json ? Console.json(status) : status.text)
    }
}

extension RunStatus {
    /// The status for people.
    var text: String {
        var lines = ["\(phase.rawValue), generation \(generation), step \(step) of \(steps)"]
        if let loss { lines[0] += ", loss \(Console.decimal(loss, 4))" }
        if let tokensPerSecond { lines[0] += ", \(Console.short(tokensPerSecond)) tok/s" }
        if let checkpointStep { lines[0] += ", checkpoint of step \(checkpointStep)" }
        lines.append("node  state     pipeline  stages  agent    worker")
        func cell(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        for node in nodes {
            let row =
                cell("\(node.id)", 6) + cell(node.state.rawValue, 10)
                + cell(node.pipeline.map(String.init) ?? "-", 10)
                + cell(
                    node.stages.isEmpty
                        ? "-" : node.stages.map(String.init).joined(separator: ","),
                    8
                )
                + cell(node.agentPID.map(String.init) ?? "-", 9)
                + (node.workerPIDs.first.map(String.init) ?? "-")
                + (node.slowness.map { "  \(Console.decimal($0, 1)) times slower" } ?? "")
            lines.append(row)
        }
        return lines.joined(separator: "\n")
    }
}
