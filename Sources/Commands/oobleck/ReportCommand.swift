import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRunReport
import OobleckSimulationCommands

/// `oobleck report`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract:
            "Write one page about a run: losses, nodes over time, recoveries, where the time went.",
        discussion: """
            The page needs no other file and no network. Of a run that is not over it shows what there is so far; at \
            its end, a run writes report.html into its directory by itself. With --format json, one object: message and path.
            """
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "The file to write. [report.html in the run's directory]")
    var to: String?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        let directory = try RunDirectory.open(path: runDirectory)
        let path = to ?? directory.reportPath
        try Self.write(directory, to: path)
        try Console.result(
            CommandReport(message: "wrote \(path)", path: path.absolutePath).text(format)
        )
    }

    /// Writes the page of a run.
    static func write(_ directory: RunDirectory, to path: String) throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss zzz"
        let page = RunPage(
            try RunStory(reading: directory),
            date: formatter.string(from: Date())
        )
        try AtomicFile.write(Array(page.html.utf8), to: path)
    }
}
