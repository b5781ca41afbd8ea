import ArgumentParser
import Foundation
import OobleckConsole
import OobleckRunFiles
import OobleckSimulationCommands

/// `oobleck export`.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a run's parameters as GPT2LMHeadModel.from_pretrained loads them.",
        discussion: "With --format json, one object: path (the folder) and message."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "The folder to write.")
    var to: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        try WeightExport.export(run: runDirectory, to: to)
        let message = "written to \(to)"
        let path = URL(fileURLWithPath: to).standardizedFileURL.path
        try Console.result(CommandReport(message: message, path: path).text(format))
    }
}
