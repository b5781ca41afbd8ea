import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText

/// `oobleck explain`.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain what a run derives from its job.",
        subcommands: [ExplainDeadlinesCommand.self, ExplainMemoryCommand.self]
    )
}

/// `oobleck explain deadlines`.
struct ExplainDeadlinesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deadlines",
        abstract: "Show every deadline, what it follows from, and what happens then.",
        discussion: """
            With --format json, one object: detection_budget_seconds, step_seconds (0 when no run \
            has told), received_bytes, and deadlines, each with name, seconds, formula and meaning.
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A job, or the directory of a run, which knows how long steps take.",
            valueName: "config-or-run-dir"
        )
    )
    var path: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        let explanation = try DeadlineExplanation(path: path)
        try Console.result(format == .json ? Console.json(explanation) : explanation.text)
    }
}

/// The deadlines of a job or a run.
private struct DeadlineExplanation: Encodable {
    let budget: Seconds
    /// The longest that a step is expected to take; 0 when no run has told.
    let step: Seconds
    /// The most bytes that one node receives under the plan in force.
    let received: ByteCount
    let deadlines: [Deadlines.Row]

    private enum CodingKeys: String, CodingKey {
        case budget = "detection_budget_seconds"
        case step = "step_seconds"
        case received = "received_bytes"
        case deadlines
    }

    init(path: String) throws {
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        if isThere, isFolder.boolValue {
            let directory = try RunDirectory.open(path: path)
            budget = try directory.job().cluster.detectionBudget
            let manager = FileManager.default
            let plan =
                manager.fileExists(atPath: directory.planPath) ? try directory.plan() : nil
            let measured =
                manager.fileExists(atPath: directory.statusPath)
                ? try directory.status().stepTime : nil
            step = max(plan?.plan.stepTime ?? .zero, measured ?? .zero)
            received = plan?.mostReceived ?? .zero
        } else {
            budget = try JobFile.load(path: path).cluster.detectionBudget
            step = .zero
            received = .zero
        }
        let derived = Deadlines(budget: budget, step: step)
        if let violation = derived.violation {
            throw OobleckError(.inputData, "deadlines make no sense: \(violation)")
        }
        deadlines = derived.rows(receiving: received)
    }

    /// The table for people.
    var text: String {
        let known = step > 0 ? "\(Console.decimal(step.value, 3)) s" : "not known before a run"
        var table = TextTable([
            .init("deadline"), .init("time", .right), .init("follows from"), .init("bounds"),
        ])
        for row in deadlines {
            let time = "\(Console.decimal(row.seconds.value, 2)) s"
            table.append([row.name, time, row.formula, row.meaning])
        }
        let heading = "detection_budget \(budget.value) s, step \(known)"
        return ([heading, ""] + table.lines(limit: Console.lineLimit)).joined(separator: "\n")
    }
}

extension PlanDocument {
    /// The most bytes that one node receives to get to this plan.
    fileprivate var mostReceived: ByteCount {
        var received: [WorkerID: ByteCount] = [:]
        for transfer in transfers { received[transfer.receiver, default: 0] += transfer.bytes }
        return received.values.max() ?? 0
    }
}
