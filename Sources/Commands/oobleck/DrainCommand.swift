import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckSimulationCommands
import OobleckTransport

/// `oobleck drain`.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have a node leave a run at the next step boundary.",
        discussion: "With --format json, one object: node and message."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Argument(help: "The node's number.")
    var node: Int

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @OptionGroup var tls: TLSOptions

    func run() async throws {
        let message = try await AdminClient(run: runDirectory, tls).drain(NodeID(node))
        try Console.result(CommandReport(message: message, node: node).text(format))
    }
}

/// `oobleck add`.
struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Have one more local node join a run.",
        discussion: "With --format json, one object: message."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @OptionGroup var tls: TLSOptions

    func run() async throws {
        let message = try await AdminClient(run: runDirectory, tls).addNode()
        try Console.result(CommandReport(message: message).text(format))
    }
}
