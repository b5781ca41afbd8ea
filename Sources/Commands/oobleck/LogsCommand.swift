import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText

/// `oobleck logs`.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what the nodes of a run printed.",
        discussion: """
            A run has a log for each node of this machine, or for each host that it was launched on. \
            Where several are shown, each line begins with the log's name. With --format json, one \
            object a line: log and line.
            """
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "Number of a node, or name of a host; all if left out.")
    var node: String?

    @Flag(help: "Go on with new lines until the run is over.")
    var follow = false

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() async throws {
        let directory = try RunDirectory.open(path: runDirectory)
        let choice = try node.map { try RunLogs(directory).choice($0) }
        var logs: [String: LineFollower] = [:]
        while true {
            // Asked first: what a run wrote before it ended is read below.
            let isRunning = directory.isRunning
            // A host that comes later has a log later.
            let names = try directory.logNames().sorted().filter { choice?.name ?? $0 == $0 }
            for name in names {
                var log = logs[name] ?? LineFollower("\(directory.logsPath)/\(name).log")
                let lines = try log.newLines().map { lineForPeople($0) }
                    .filter { choice?.prefix.map($0.contains) ?? true }
                logs[name] = log
                let start = names.count > 1 ? "\(name)  " : ""
                for line in lines {
                    let text = format == .json ? try Self.json(name, line) : start + line
                    try Console.result(text)
                }
            }
            guard follow, isRunning, Console.hasReader else { return }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// A line of a log as one line of JSON.
    private static func json(_ log: String, _ line: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(["log": log, "line": line]), as: UTF8.self)
    }
}

/// The logs in a run's directory.
private struct RunLogs {
    /// One log, or the lines in it that are a node's.
    struct Choice {
        let name: String
        /// What stands in the lines of the node; `nil` is all lines.
        let prefix: String?
    }

    private let directory: RunDirectory

    init(_ directory: RunDirectory) { self.directory = directory }

    /// The log of a node or a host.
    ///
    /// Throws `.usage` with one line for what the run does not have.
    func choice(_ text: String) throws -> Choice {
        let names = try directory.logNames().sorted()
        if names.contains(text) { return Choice(name: text, prefix: nil) }
        guard let number = Int(text) else { throw unknown(text, names) }
        let own = "node-\(number)"
        if names.contains(own) { return Choice(name: own, prefix: nil) }
        let node = try directory.status().nodes.first { $0.id.rawValue == number }
        // Nodes of a host with several devices are called host/device.
        let host = node?.name?.split(separator: "/").first.map(String.init)
        guard let host, names.contains(host) else { throw unknown(text, names) }
        return Choice(name: host, prefix: "node \(number)")
    }

    private func unknown(_ text: String, _ names: [String]) -> OobleckError {
        let known = names.isEmpty ? "no log" : names.joined(separator: ", ")
        return OobleckError(
            .usage,
            "--node \(text) has no log in \(directory.logsPath); it has \(known)"
        )
    }
}
