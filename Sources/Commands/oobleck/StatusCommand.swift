import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckText

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
        let now = Date().timeIntervalSince1970
        let written = try directory.status()
        let situation = try RunSituation(directory, written, now: now)
        let status = try written.updated(for: situation, in: directory)
        guard format == .text else { return try Console.result(Console.json(status)) }
        let lines = [status.text(now: now)] + situation.lines(directory, status, now: now)
        try Console.result(lines.joined(separator: "\n"))
    }
}

extension RunStatus {
    /// The status for people, at a time in seconds since 1970.
    func text(now: Double) -> String {
        var lines = ["\(phase.rawValue), generation \(generation), step \(step) of \(steps)"]
        if let loss { lines[0] += ", loss \(Console.decimal(loss, 4))" }
        if let validationLoss, let validationStep {
            let loss = Console.decimal(validationLoss, 4)
            lines[0] += ", validation loss \(loss) after step \(validationStep)"
        }
        if let tokensPerSecond { lines[0] += ", \(Console.short(tokensPerSecond)) tok/s" }
        if let idleShare { lines[0] += ", idle \(Int((idleShare * 100).rounded()))%" }
        if let storageTrouble { lines[0] += ", \(storageTrouble)" }
        if let checkpointStep {
            let age = checkpointSaved.map { ", \(Console.clock(seconds: now - $0)) ago" } ?? ""
            lines.append("newest checkpoint: step \(checkpointStep)\(age)")
        }
        var table = TextTable([
            .init("node", .right), .init("state"), .init("pipeline", .right), .init("stages"),
            .init("agent", .right), .init("worker", .right), .init("", .left),
        ])
        for node in nodes {
            table.append([
                "\(node.id)", node.state.rawValue, node.pipeline.map(String.init) ?? "-",
                node.stages.isEmpty ? "-" : node.stages.map(String.init).joined(separator: ","),
                node.agentPID.map(String.init) ?? "-",
                node.workerPIDs.first.map(String.init) ?? "-",
                node.slowness.map { "\(Console.decimal($0, 1)) times slower" } ?? "",
            ])
        }
        lines = lines.map { $0.folded(limit: Console.lineLimit) }
        lines += table.lines(limit: Console.lineLimit)
        return lines.joined(separator: "\n")
    }
}
