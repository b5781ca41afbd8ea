import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText

/// `oobleck explain memory`.
struct ExplainMemoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Show what each node of a run's plan needs of its memory, and for what.",
        discussion: """
            Of a run that has started; `oobleck train --dry-run` shows the same of a job. With \
            --format json, one object: device_memory_bytes, when the job limits it, and nodes, each \
            with node, device unless it is the first, pipeline, layers, memory_bytes and its parts.
            """
    )

    @Argument(help: ArgumentHelp("The directory of a run.", valueName: "run-dir"))
    var path: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        let directory = try RunDirectory.open(path: path)
        let explanation = Explanation(
            deviceMemory: try directory.job().cluster.deviceMemory,
            nodes: NodeMemory(plan: try directory.plan(), profile: try directory.profile())
        )
        try Console.result(format == .json ? Console.json(explanation) : explanation.text)
    }

    private struct Explanation: Encodable {
        let deviceMemory: ByteCount?
        let nodes: NodeMemory

        private enum CodingKeys: String, CodingKey {
            case deviceMemory = "device_memory_bytes"
            case nodes
        }

        var text: String {
            let limit = deviceMemory.map { "device_memory \($0)" } ?? "device_memory is not limited"
            let heading = "at most \(nodes.most) on a \(nodes.place); \(limit)"
            let rows = nodes.lines(limit: Console.lineLimit)
            return ([heading, ""] + rows + ["", Console.wrapped(NodeMemory.legend)])
                .joined(separator: "\n")
        }
    }
}
