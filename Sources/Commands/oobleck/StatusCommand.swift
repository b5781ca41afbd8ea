import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckText
import OobleckTransport
import Synchronization

/// `oobleck status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a run's nodes and progress.",
        discussion: """
            With --watch, the status again whenever the run gets further, until it is over; with \
            --format json then one object a line.
            A run on other machines is asked at its coordinator: --coordinator HOST:PORT --token-file FILE.
            """
    )

    @Argument(help: "The run's directory; left out with --coordinator.")
    var runDirectory: String?

    @OptionGroup var connection: WatchOptions

    @Flag(help: "Show the status again whenever it changes, until the run is over.")
    var watch = false

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func validate() throws { try connection.validate(runDirectory) }

    func run() async throws {
        guard let runDirectory else { return try await askCoordinator() }
        let directory = try RunDirectory.open(path: runDirectory)
        if watch { try await watch(directory) }
        let now = Date().timeIntervalSince1970
        let written = try directory.status()
        let situation = try RunSituation(directory, written, now: now)
        let status = try written.updated(for: situation, in: directory)
        guard format == .text else { return try Console.result(Console.json(status)) }
        let lines = [status.text(now: now)] + situation.lines(directory, status, now: now)
        try Console.result(lines.joined(separator: "\n"))
    }

    private func askCoordinator() async throws {
        let client = try connection.client()
        guard watch else { return try show(await client.status()) }
        let live = isLive ? LiveStatus(nil) : nil
        defer { live?.clear() }
        let log = SharedStatusLog()
        try await client.watch { update in
            guard case .status(let status) = update else { return Console.hasReader }
            if let live {
                live.show(status)
            } else if log.isNews(status) {
                try show(status, isOneLine: true)
            }
            return Console.hasReader
        }
    }

    /// Shows what changes, until the run has no coordinator any more.
    private func watch(_ directory: RunDirectory) async throws {
        let live = isLive ? LiveStatus(LearningRateSchedule(try directory.job().training)) : nil
        defer { live?.clear() }
        var log = StatusLog()
        while directory.isRunning, Console.hasReader {
            let status = try directory.status()
            if let live {
                live.show(status)
            } else if log.isNews(status) {
                try show(status, isOneLine: true)
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Whether lines at the bottom of a terminal follow the run.
    private var isLive: Bool { Console.isTerminal && format == .text }

    private func show(_ status: RunStatus, isOneLine: Bool = false) throws {
        if format == .json {
            let text = try Console.json(status)
            return try Console.result(isOneLine ? text.split(separator: "\n").joined() : text)
        }
        try Console.result(status.text(now: Date().timeIntervalSince1970))
    }
}

/// Which of many statuses are worth showing: those that say something new.
private struct StatusLog {
    private var last: RunStatus?

    mutating func isNews(_ status: RunStatus) -> Bool {
        defer { last = status }
        guard let last else { return true }
        return (last.phase, last.generation, last.step, last.checkpointStep)
            != (status.phase, status.generation, status.step, status.checkpointStep)
            || last.nodes.map(\.state) != status.nodes.map(\.state)
    }
}

/// A ``StatusLog`` that several tasks may ask.
private final class SharedStatusLog: Sendable {
    private let log = Mutex(StatusLog())

    func isNews(_ status: RunStatus) -> Bool { log.withLock { $0.isNews(status) } }
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
            .init("agent", .right), .init("worker", .right), .init(hasHosts ? "host" : ""),
            .init("", .left),
        ])
        for node in nodes {
            table.append([
                "\(node.id)", node.state.rawValue, node.pipeline.map(String.init) ?? "-",
                node.stages.isEmpty ? "-" : node.stages.map(String.init).joined(separator: ","),
                node.agentPID.map(String.init) ?? "-",
                node.workerPIDs.isEmpty
                    ? "-" : node.workerPIDs.map(String.init).joined(separator: ","),
                hasHosts ? node.host ?? "-" : "",
                node.slowness.map { "\(Console.decimal($0, 1)) times slower" } ?? "",
            ])
        }
        lines = lines.map { $0.folded(limit: Console.lineLimit) }
        lines += table.lines(limit: Console.lineLimit)
        return lines.joined(separator: "\n")
    }
}

extension RunStatus {
    /// Whether nodes are on several machines.
    fileprivate var hasHosts: Bool { Set(nodes.compactMap(\.host)).count > 1 }
}

extension NodeStatus {
    /// The machine, of a name such as `host/2`.
    fileprivate var host: String? { name?.split(separator: "/").first.map(String.init) }
}
