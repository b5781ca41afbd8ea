import ArgumentParser
import Foundation
import OobleckClusterFiles
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckPlanning
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText

/// `oobleck kubernetes`.
struct KubernetesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kubernetes",
        abstract: "Write the manifests of a run under Kubernetes.",
        discussion: """
            All pods share one volume, which has the data and the run's directory. The manifests have the \
            run's token: keep them secret. Applied again, they resume an unfinished run.
            """
    )

    @Argument(help: "The job; paths in it are those that pods see.")
    var config: String

    @Option(help: "Nodes to train with; overrides the job.") var nodes: Int?

    @Option(help: "Claim of the volume that all pods share (ReadWriteMany).") var claim: String

    @Option(help: "The image with the programs, as `make image` makes it.")
    var image = "localhost/oobleck:\(programVersion)"

    @Option(help: "Name of the run. [the job's file name]") var name: String?

    @Option(help: "Namespace of all objects. [that of kubectl]") var namespace: String?

    @Option(help: "Where pods see the shared volume.")
    var mount = KubernetesRun.defaultMountPath

    @Option(help: "Cores of each node, as 2 or 500m.") var cpu = "1"

    @Option(help: "Memory of each node, as 4Gi. [the job's device_memory, or 4Gi]")
    var memory: String?

    @Option(help: "A profile.json to use instead of measuring; needed for GPUs.")
    var profile: String?

    @Option(
        help: "The file with the run's token; made when it is missing. [NAME.token]"
    )
    var tokenFile: String?

    @OptionGroup var changed: SettingOptions

    @Flag(help: "Nodes may share a machine: a cluster for tests.") var sharesMachine = false

    @Option(help: "Where to write the manifests. [standard output]") var output: String?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @Flag(help: "Print the manifests with a token that is none; write nothing.")
    var dryRun = false

    func run() throws {
        let job = try job()
        var run = KubernetesRun(
            name: name ?? KubernetesRun.name(from: jobName),
            image: image,
            jobText: try TextFile.read(config),
            token: "the-run-token",
            nodes: job.cluster.nodes,
            faultTolerance: job.cluster.faultTolerance,
            claim: claim
        )
        (run.namespace, run.mountPath, run.cpu) = (namespace, mount, cpu)
        (run.settings, run.sharesMachine) = (changed.texts, sharesMachine)
        run.memory = memory ?? Self.memory(of: job) ?? run.memory
        run.gpus = job.cluster.device == .cuda ? job.cluster.workersPerNode : 0
        if let profile {
            _ = try ModelProfile(contentsOf: profile)
            run.profileText = try TextFile.read(profile)
        } else if run.gpus > 0 {
            throw OobleckError(
                .usage,
                "the job computes on GPUs, and the coordinator has none to measure on; write a profile "
                    + "on a machine with one (oobleck profile), and name it with --profile"
            )
        }
        try run.validate()
        try run.requireVisible(Self.paths(job))
        if dryRun { return try show(run.manifests) }
        run.token = try token(tokenFile ?? "\(run.name).token")
        guard let output else { return try show(run.manifests) }
        try AtomicFile.write(Array(run.manifests.utf8), to: output, permissions: 0o600)
        let message =
            "written to \(output); start the run with: kubectl apply -f \(output.shellQuoted)"
        try Console.result(
            CommandReport(message: message, path: output.absolutePath).text(format)
        )
    }

    /// The manifests, also in JSON as the text that they are.
    private func show(_ manifests: String) throws {
        guard format == .json else { return try Console.result(manifests) }
        let file = CommandReport.WrittenFile(path: "-", text: manifests)
        try Console.result(
            CommandReport(message: "the manifests of the run", files: [file]).text(format)
        )
    }

    private var jobName: String {
        URL(fileURLWithPath: config).deletingPathExtension().lastPathComponent
    }

    private func job() throws -> JobSpecification {
        var job = try JobFile.load(path: config, settings: try changed.settings)
        if let nodes { job.cluster.nodes = nodes }
        try JobFile.validate(job, options: nodes == nil ? [:] : ["cluster.nodes": "--nodes"])
        return job
    }

    /// The token in the file, or a new one, which it then has: manifests that are made again are the same.
    private func token(_ path: String) throws -> RunToken {
        if FileManager.default.fileExists(atPath: path) { return try TokenFile.read(path) }
        let token = RunToken.random()
        try TokenFile.write(token, to: path)
        Console.complain("made the run's token: \(path)")
        return token
    }

    /// What a node may use, and room for the programs beside.
    private static func memory(of job: JobSpecification) -> String? {
        guard job.cluster.device != .cuda, let memory = job.cluster.deviceMemory else { return nil }
        return "\(job.cluster.workersPerNode * (memory.value >> 20) + 512)Mi"
    }

    private static func paths(_ job: JobSpecification) -> [(key: String, path: String)] {
        var paths = [("data.corpus", job.corpusPath)]
        if let path = job.initialWeightsPath { paths.append(("model.initial_weights", path)) }
        if let path = job.validation?.dataPath { paths.append(("data.validation", path)) }
        if let path = job.checkpoint?.directory { paths.append(("checkpoint.directory", path)) }
        if case .imported(let model) = job.model { paths.append(("model.import", model.path)) }
        return paths
    }
}
