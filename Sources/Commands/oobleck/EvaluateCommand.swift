import ArgumentParser
import Foundation
import OobleckArtifact
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckEvaluation
import OobleckRuntime
import OobleckSimulationCommands

/// `oobleck evaluate`.
struct EvaluateCommand: InterruptibleCommand {
    static let isRun = true
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Do the paper's evaluation here: check what it says, and write one page.",
        discussion: """
            1 template generation, 2 instantiation and batch distribution, 3 dynamic reconfiguration, \
            also on live training, 4 hybrid parallel execution, 5 figures. Each part ends with PASS or \
            with what fell short. Exit status 70 when any part fell short.
            """
    )

    @Option(help: "The folder to write to; made if it is not there.")
    var output: String

    @Option(help: "The parts to do, with commas between.")
    var parts = "1,2,3,4,5"

    @Option(help: "The job to train in parts 3 and 4. [Examples/tiny.yaml]")
    var job: String?

    @Option(help: "The job's profile.json. [measured by the first run]")
    var profile: String?

    @Option(parsing: .unconditional, help: "Steps of each training.")
    var steps = 16

    @Option(help: "Folder of the traces for part 5. [Examples/artifact/traces]")
    var traces: String?

    @Option(parsing: .unconditional, help: "Worlds of each point by chance in part 5.")
    var trials = 4

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func validate() throws {
        guard steps >= EvaluationRuns.leastSteps else {
            throw ValidationError(
                "--steps is \(steps); it must be at least \(EvaluationRuns.leastSteps)."
            )
        }
        guard trials >= 1 else {
            throw ValidationError("--trials is \(trials); it must be at least 1.")
        }
        _ = try numbers()
    }

    /// The parts to do, ascending.
    private func numbers() throws -> [Int] {
        let words = parts.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = words.map { Int($0.trimmingCharacters(in: .whitespaces)) ?? 0 }
        guard numbers.allSatisfy({ (1...5).contains($0) }) else {
            throw ValidationError("--parts is \"\(parts)\"; name parts from 1 to 5, as 1,2,3.")
        }
        return Set(numbers).sorted()
    }

    func run() async throws {
        let page = EvaluationFolder(output)
        try page.prepare()
        let runs = EvaluationRuns(
            jobPath: try job ?? Checkout.path("Examples/tiny.yaml"),
            profilePath: profile,
            steps: steps,
            folder: page.newRunsPath()
        )
        var done: [ArtifactPart] = []
        var figures: EvaluationResult?
        for number in try numbers() {
            try Task.checkCancellation()
            let start = MonotonicTime.now
            var part: ArtifactPart
            switch number {
            case 1: part = try TemplateEvaluation().part(clock: Self.clock)
            case 2: part = try InstantiationEvaluation().part(clock: Self.clock)
            case 3: part = try await runs.reconfiguration()
            case 4: part = try await runs.hybrid()
            default:
                let result = try result()
                figures = result
                part = FigureEvaluation.part(result)
            }
            part.seconds = (MonotonicTime.now - start).value
            try show(part)
            done.append(part)
            // After each part, so that an interruption leaves what there is.
            try page.write(done, provenance(figures))
        }
        try conclude(done, page)
    }

    private static func clock() -> Double { MonotonicTime.now.value }

    private func result() throws -> EvaluationResult {
        let folder = try traces ?? Checkout.path("Examples/artifact/traces")
        guard FileManager.default.fileExists(atPath: folder) else {
            throw OobleckError(.inputData, "there is no folder \(folder) of traces")
        }
        return try Evaluation(traces: folder, trials: trials, version: Oobleck.version).result(
            clock: Self.clock,
            progress: { title in
                try Task.checkCancellation()
                Console.show("making \(title)")
            }
        )
    }

    private func show(_ part: ArtifactPart) throws {
        let lines = part.lines(wrapped: { Console.wrapped($0) })
        let text = ["", part.headline, ""] + lines + ["", Console.wrapped(part.ending)]
        guard format == .text else { return Console.show(text.joined(separator: "\n")) }
        try Console.report(text.joined(separator: "\n"))
    }

    private func conclude(_ parts: [ArtifactPart], _ page: EvaluationFolder) throws {
        let lines = parts.map { part in
            "\(part.number). \(part.title): \(part.isPassed ? "PASS" : "FELL SHORT"), "
                + "\(counted(part.checks.count, "check")) in \(Console.decimal(part.seconds, 1)) s"
        }
        if format == .json {
            try Console.report(Console.json(EvaluationDocument(parts, page.pagePath)))
        } else {
            try Console.report(([""] + lines + ["page: \(page.pagePath)"]).joined(separator: "\n"))
        }
        guard let first = parts.first(where: { !$0.isPassed }) else { return }
        throw OobleckError(.internalFault, first.ending)
    }

    private func provenance(_ figures: EvaluationResult?) -> [(name: String, value: String)] {
        [
            ("program", "oobleck \(Oobleck.version)"),
            ("command", CommandLine.arguments.joined(separator: " ")),
            (
                "machine",
                "\(ProcessInfo.processInfo.activeProcessorCount) cores, "
                    + "\(ByteCount(Int(clamping: ProcessInfo.processInfo.physicalMemory))) of memory"
            ),
            ("made on", Date().ISO8601Format()),
        ] + (figures?.provenance ?? []).map { ("figures", $0) }
    }
}
