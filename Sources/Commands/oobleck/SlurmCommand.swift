import ArgumentParser
import Foundation
import OobleckClusterFiles
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckText

/// `oobleck slurm`.
struct SlurmCommand: InterruptibleCommand {
    static let isRun = false
    static let configuration = CommandConfiguration(
        commandName: "slurm",
        abstract: "Write, and on demand submit, batch files for a run under Slurm.",
        discussion: """
            The run survives the loss of nodes. One that was stopped by its time limit or by a \
            preemption waits in the queue again and resumes. The same command resumes an \
            unfinished run, and says when it is finished.
            """
    )

    @Argument(help: "The job, as Examples/tiny.yaml explains.")
    var config: String

    @Option(help: "Nodes to train with; overrides the job.")
    var nodes: Int?

    @Option(help: "Where to record the run, on a file system that all nodes share. [runs/NAME]")
    var runDir: String?

    @Option(
        help: ArgumentHelp(
            "Where the batch files and their logs go, on a shared file system. [RUN-DIR.slurm]",
            valueName: "dir"
        )
    )
    var output: String?

    @Option(help: "The job's time limit, as sbatch takes it: 8:00:00, 2-12. [the partition's]")
    var time: String?

    @Option(help: "Seconds before the time limit at which the run stops and saves.")
    var notice = SlurmBatch.defaultNotice

    @Option(
        help: "Jobs of one node that may stand in for lost nodes at a time. [the fault tolerance]"
    )
    var replacements: Int?

    @Option(help: "The partition.") var partition: String?

    @Option(help: "The account.") var account: String?

    @Option(
        name: .customLong("sbatch-option"),
        help: ArgumentHelp(
            "A further option of sbatch: --sbatch-option=--constraint=icelake. Repeatable.",
            valueName: "option"
        )
    )
    var options: [String] = []

    @Option(help: "The nodes' network interface. [that of the address that Slurm knows]")
    var interface: String?

    @Option(help: "Port of the coordinator; 0 takes any free one.") var port = 0

    @OptionGroup var changed: SettingOptions

    @OptionGroup var tls: TLSOptions

    @Flag(help: "Nodes of the run are on one machine: a cluster for tests.")
    var sharesMachine = false

    @Flag(help: "Submit the job, unless it is in the queue or the run is finished.")
    var submit = false

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @Flag(help: "Print the files; write and submit nothing.")
    var dryRun = false

    func run() async throws {
        let batch = try batch()
        if dryRun {
            if format == .json { return try Console.result(files(batch).text(format)) }
            let texts = batch.files.map { "# \(batch.folderPath)/\($0.name)\n\($0.text)" }
            return try Console.result(texts.joined(separator: "\n"))
        }
        if let steps = try finishedSteps(batch.runPath) {
            return try say(
                "the run in \(batch.runPath) is finished after \(counted(steps, "step"))",
                batch.runPath
            )
        }
        try makeFolder(batch.folderPath)
        for file in batch.files {
            try AtomicFile.write(Array(file.text.utf8), to: "\(batch.folderPath)/\(file.name)")
        }
        guard submit else {
            return try say(
                "written to \(batch.folderPath); submit it with: sbatch "
                    + batch.jobFilePath.shellQuoted,
                batch.jobFilePath
            )
        }
        try say(try await SlurmQueue().submit(batch), batch.jobFilePath)
    }

    private func say(_ message: String, _ path: String) throws {
        try Console.result(CommandReport(message: message, path: path).text(format))
    }

    /// What a dry run tells.
    private func files(_ batch: SlurmBatch) -> CommandReport {
        CommandReport(
            message: "dry run: would write to \(batch.folderPath)",
            path: batch.folderPath,
            files: batch.files.map { .init(path: "\(batch.folderPath)/\($0.name)", text: $0.text) }
        )
    }

    private func batch() throws -> SlurmBatch {
        var job = try JobFile.load(path: config, settings: try changed.settings)
        if let nodes { job.cluster.nodes = nodes }
        try JobFile.validate(job, options: nodes == nil ? [:] : ["cluster.nodes": "--nodes"])
        let name = URL(fileURLWithPath: config).deletingPathExtension().lastPathComponent
        let run = absolute(runDir ?? "runs/\(name)")
        var batch = SlurmBatch(
            jobPath: absolute(config),
            runPath: run,
            folderPath: absolute(output ?? run + ".slurm"),
            programPath: try Executables().command,
            nodes: job.cluster.nodes,
            replacements: replacements ?? min(job.cluster.faultTolerance, job.cluster.nodes)
        )
        batch.timeLimit = try time.map { try SlurmTimeLimit($0) }
        (batch.partition, batch.account, batch.options) = (partition, account, options)
        (batch.noticeSeconds, batch.interface, batch.port) = (notice, interface, port)
        batch.settings = changed.texts
        _ = try tls.read()
        (batch.sharedOptions, batch.sharesMachine) = (tls.arguments, sharesMachine)
        try batch.validate()
        return batch
    }

    private func absolute(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// Steps of the run in `path` if it is finished; `nil` also where there is none.
    private func finishedSteps(_ path: String) throws -> Int? {
        guard FileManager.default.fileExists(atPath: path + "/job.json") else { return nil }
        let directory = try RunDirectory.open(path: path)
        return directory.isFinished ? try directory.result().steps : nil
    }

    private func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
        } catch {
            throw OobleckError(.storage, "cannot make \(path): \(fileReason(error))")
        }
    }
}
