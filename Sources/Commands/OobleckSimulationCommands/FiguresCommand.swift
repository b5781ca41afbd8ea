import ArgumentParser
import Foundation
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckEvaluation

/// `oobleck figures`.
package struct FiguresCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "figures",
        abstract: "Draw the paper's figures and tables, reproduced, with ours beside them."
    )

    @Option(help: "The folder to write to; made if it is not there.")
    var output: String

    @Option(help: "A folder of public traces, for the figures over spot traces.")
    var traces: String?

    @Option(parsing: .unconditional, help: "Worlds of each point by chance. [8]")
    var trials: Int?

    @Option(parsing: .unconditional, help: "Seed of chance. [1]")
    var seed: UInt64?

    @Flag(help: "Make the paper's figures only, in seconds.")
    var paperOnly = false

    @Option(help: "How to print.")
    var format = OutputFormat.text

    package init() {}

    /// What was written, as one JSON object.
    private struct Report: Encodable {
        let message: String
        let path: String
        let files: [String]
    }

    package func run() throws {
        var isFolder: ObjCBool = true
        if let traces,
            !FileManager.default.fileExists(atPath: traces, isDirectory: &isFolder)
                || !isFolder.boolValue
        {
            throw OobleckError(.inputData, "there is no folder \(traces) of traces")
        }
        if paperOnly {
            let ofChance = IdleOptions([("--trials", trials), ("--seed", seed)])
            try ofChance.refuse("with --paper-only: those figures have nothing by chance")
        }
        if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder),
            !isFolder.boolValue
        {
            throw OobleckError(.storage, "\(output) is a file; give the name of a folder")
        }
        let evaluation = Evaluation(
            traces: traces,
            trials: trials ?? 8,
            seed: seed ?? 1,
            version: programVersion,
            isPaperOnly: paperOnly
        )
        let start = MonotonicTime.now
        let files = try evaluation.files(
            clock: { (MonotonicTime.now - start).value },
            progress: { Console.show("making \($0)") }
        )
        do {
            try FileManager.default.createDirectory(
                atPath: output,
                withIntermediateDirectories: true
            )
        } catch {
            throw OobleckError(
                .storage,
                "cannot make the folder \(output): \(fileReason(error))"
            )
        }
        for file in files {
            let whole = try AtomicFile(output + "/" + file.name)
            try whole.write(Array(file.text.utf8))
            try whole.publish(durably: false)
        }
        if !files.contains(where: { $0.name.hasPrefix("throughput-over-time.") }) {
            let reason =
                traces.map { ": \($0) has neither scale_p3-trace.csv nor scale_gcp-trace.csv" }
                ?? ", which need --traces"
            Console.show("left out: figures over spot traces\(reason)")
        }
        let message = "\(counted(files.count, "file")) in \(output); open \(output)/index.html"
        guard format == .json else { return try Console.result(message) }
        let folder = URL(fileURLWithPath: output).standardizedFileURL.path
        let report = Report(message: message, path: folder, files: files.map(\.name))
        try Console.result(Console.json(report))
    }
}
