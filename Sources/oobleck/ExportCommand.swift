import ArgumentParser
import OobleckConsole
import OobleckRun

/// `oobleck export`.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a run's parameters as GPT2LMHeadModel.from_pretrained loads them."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "The folder to write.")
    var to: String

    func run() throws {
        try WeightExport.export(run: runDirectory, to: to)
        try Console.result("written to \(to)")
    }
}
