import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRunReport
import OobleckSimulationCommands
import OobleckText

/// `oobleck runs`.
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "List the runs in a folder, compare two, or remove some.",
        subcommands: [List.self, Compare.self, Remove.self],
        defaultSubcommand: List.self
    )

    /// `oobleck runs list`, or without a word.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List the runs in a folder, the newest first."
        )

        @Argument(help: "A folder with runs, or a run. [runs]")
        var folder = "runs"

        @Option(help: "Only runs in this state: finished, running, stopped, unstarted.")
        var state: RunSummary.State?

        @Option(help: "Only runs whose model has this name.")
        var model: String?

        @Option(help: "How to print.")
        var format = OutputFormat.text

        func run() throws {
            let (all, troubles) = try RunSummary.list(folder)
            for trouble in troubles { Console.complain(trouble) }
            let runs = all.filter { run in
                (state.map { run.state == $0 } ?? true) && (model.map { run.model == $0 } ?? true)
            }
            guard format == .text else { return try Console.result(Console.json(runs)) }
            guard !runs.isEmpty else {
                let what = all.isEmpty ? "no run" : "none of the \(counted(all.count, "run"))"
                return try Console.result(
                    "\(what) in \(folder)\(all.isEmpty ? "" : " is of that kind")"
                )
            }
            try Console.result(Self.table(runs).joined(separator: "\n"))
        }

        private static func table(_ runs: [RunSummary]) -> [String] {
            var table = TextTable([
                .init("run"), .init("state"), .init("model"), .init("steps", .right),
                .init("loss", .right), .init("validation", .right), .init("lost", .right),
                .init("begun"), .init("state_sha256"),
            ])
            for run in runs {
                let name = URL(fileURLWithPath: run.path).lastPathComponent
                table.append([
                    name, run.state.rawValue, run.model, "\(run.step)/\(run.steps)",
                    run.loss.map { Console.decimal($0, 4) } ?? "",
                    run.validationLoss.map { Console.decimal($0, 4) } ?? "",
                    run.failures.map { "\($0)" } ?? "",
                    run.started.map(RunTime.text) ?? "",
                    run.stateSHA256.map { String($0.prefix(12)) } ?? "",
                ])
            }
            return table.lines(limit: Console.lineLimit)
        }
    }

    /// `oobleck runs compare`.
    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "compare",
            abstract:
                "Show how two runs differ: job, losses at equal steps, state, speed, recoveries."
        )

        @Argument(help: "The first run's directory.")
        var first: String

        @Argument(help: "The second run's directory.")
        var second: String

        @Option(help: "How to print.")
        var format = OutputFormat.text

        func run() throws {
            let comparison = try RunComparison(
                RunDirectory.open(path: first),
                RunDirectory.open(path: second)
            )
            guard format == .text else { return try Console.result(Console.json(comparison)) }
            try Console.result(comparison.lines(limit: Console.lineLimit).joined(separator: "\n"))
        }
    }

    /// `oobleck runs remove`.
    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove runs with all that they recorded; asks before."
        )

        @Argument(help: "The directories of the runs.")
        var runs: [String]

        @Flag(help: "Do not ask.")
        var yes = false

        @Option(help: "How to print.")
        var format = OutputFormat.text

        func run() throws {
            let directories = try runs.map { try RunDirectory.open(path: $0) }
            for directory in directories where directory.isRunning {
                throw OobleckError(
                    .usage,
                    "\(directory.path) is running; stop it first (Ctrl-C or SIGTERM to its process)"
                )
            }
            guard yes || isatty(STDIN_FILENO) == 1 else {
                throw OobleckError(
                    .usage,
                    "removing runs takes a confirmation, and there is no terminal to ask at; add --yes"
                )
            }
            var report = CommandReport(message: "", removed: [], kept: [])
            for directory in directories {
                let run = try RunSummary(directory)
                let what =
                    "\(directory.path): \(run.state.rawValue), step \(run.step) of \(run.steps)"
                if !yes {
                    Console.show("\(what). Remove it? [y/N]")
                    guard ["y", "yes"].contains(readLine()?.lowercased() ?? "") else {
                        if format == .text { try Console.result("kept") }
                        report.kept?.append(directory.path)
                        continue
                    }
                }
                do { try FileManager.default.removeItem(atPath: directory.path) } catch {
                    throw OobleckError(
                        .storage,
                        "cannot remove \(directory.path): \(fileReason(error))"
                    )
                }
                if format == .text { try Console.result("removed \(directory.path)") }
                report.removed?.append(directory.path)
            }
            guard format == .json else { return }
            report.message = "removed \(counted(report.removed?.count ?? 0, "run"))"
            try Console.result(report.text(format))
        }
    }
}

extension RunSummary.State: ExpressibleByArgument {}

/// Times of a list of runs.
private enum RunTime {
    static func text(_ seconds: Double) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm"
        return formatter.string(from: Date(timeIntervalSince1970: seconds))
    }
}
