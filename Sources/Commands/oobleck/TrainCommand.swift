import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckStoreEtcd
import OobleckText
import OobleckTransport

/// `oobleck train`.
struct TrainCommand: InterruptibleCommand {
    static let isRun = true
    var isSupervisor: Bool { supervise }

    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model on local nodes that may fail."
    )

    @Argument(help: "The job, as Examples/tiny.yaml explains.")
    var config: String?

    @Option(
        help: ArgumentHelp(
            """
            Go on with a run that was stopped, whose coordinator has ended, or that is to train more \
            --steps; takes --nodes, --start-nodes, --listen, --port and checkpoint options.
            """,
            valueName: "run-dir"
        )
    )
    var resume: String?

    @Flag(
        help: "With --resume: let nodes compute other bits than before; the result is another."
    )
    var acceptOtherArithmetic = false

    @Flag(help: "Restart the coordinator when it dies; the nodes wait for that.")
    var supervise = false

    @Flag(
        name: .customLong("continue"),
        help: "If --run-dir has this run already, resume it; if it is finished, say so."
    )
    var continues = false

    @Option(help: "Nodes to start with; overrides the job.")
    var nodes: Int?

    @Option(
        help: "Steps to train; overrides the job. With --resume the learning rate stays as planned."
    )
    var steps: Int?

    @Option(help: "Seed of weights, sample order and dropout; overrides the job.")
    var seed: UInt64?

    @Option(
        help:
            "What plans are compared by; overrides the job. [\(ClusterSpecification.defaultCostModel.rawValue)]"
    )
    var costModel: CostModel?

    @Option(help: "Where to record the run; must not exist or be empty. [runs/NAME-TIME]")
    var runDir: String?

    @Option(help: "Nodes to start on this machine; the others join by `oobleck agent`. [all]")
    var startNodes: Int?

    @Flag(help: "Train undisturbed in one process instead, without the memory limit.")
    var reference = false

    @OptionGroup var changed: SettingOptions

    @Option(help: "Port of the coordinator; 0 takes any free one. [0]")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            "Where coordinator and workers listen: an address or interface of this machine. "
                + "[127.0.0.1]",
            valueName: "address|interface"
        )
    )
    var listen: String?

    @Option(help: "A file, of mode 0600, with the run's token. [a new token]")
    var tokenFile: String?

    @OptionGroup var tls: TLSOptions

    @Option(help: "A profile.json to use instead of measuring.")
    var profile: String?

    @Option(
        help: ArgumentHelp(
            """
            Stage a failure: node=2,point=mid-forward,step=7,target=worker; or \
            kind=nan,step=3,microbatch=5,layer=2; kind=slow,node=2,factor=5,step=3; \
            kind=flip,node=2,layer=3,step=4; kind=miscompute,node=2,step=0; or of this process: \
            coordinator,point=after-record,step=3. Repeatable.
            """,
            valueName: "fault"
        )
    )
    var fault: [String] = []

    @OptionGroup var checkpoints: CheckpointOptions

    @OptionGroup var observation: ObservationOptions

    @Option(
        help: ArgumentHelp(
            "Keep the run's state in etcd, so that a --standby can take over.",
            valueName: "etcd://host:port,.../run"
        )
    )
    var coordination: String?

    @OptionGroup var etcd: EtcdOptions

    @Flag(help: "Take up the run of --coordination when its coordinator is gone.")
    var standby = false

    @Flag(help: "Tell plan, memory, times, checkpoints and guarantee; start and leave nothing.")
    var dryRun = false

    @Option(help: "How to print; with json, progress goes to standard error.")
    var format = OutputFormat.text

    func validate() throws {
        guard !dryRun || config != nil && !reference && !supervise else {
            throw ValidationError("--dry-run goes with a job, without --reference or --supervise.")
        }
        if let startNodes, startNodes < 0 {
            throw ValidationError("--start-nodes is \(startNodes); it must be at least 0.")
        }
        if let port, !(0...65535 ~= port) {
            throw ValidationError("--port is \(port); it must be from 0 to 65535.")
        }
        guard [config != nil, resume != nil, standby].count(where: { $0 }) == 1 else {
            throw ValidationError(
                "Name a job to train, or a run to --resume, or a --coordination to --standby for."
            )
        }
        guard !continues || config != nil && runDir != nil && !reference && !dryRun else {
            throw ValidationError("--continue goes with a job and its --run-dir.")
        }
        guard coordination != nil || !standby else {
            throw ValidationError("A --standby has to know the --coordination of its run.")
        }
        guard coordination == nil || resume == nil && !reference && !supervise else {
            throw ValidationError(
                "--coordination goes with a job to train or with --standby; a run that is resumed "
                    + "knows its own, and to --supervise is what a --standby is for."
            )
        }
        guard resume != nil || !acceptOtherArithmetic else {
            throw ValidationError("--accept-other-arithmetic goes with --resume.")
        }
        guard !supervise || !reference else {
            throw ValidationError("A --reference run has no coordinator to --supervise.")
        }
        if resume != nil, let (option, reason) = fixed {
            throw ValidationError("\(option) cannot be changed by --resume: \(reason).")
        }
        let changes: [Any?] = [nodes, steps, seed, costModel, profile, changed.texts.first]
        guard !standby || changes.allSatisfy({ $0 == nil }) && !reference else {
            throw ValidationError("A run stays as it is: --standby takes no changes.")
        }
    }

    /// What was asked for that a run which goes on cannot change, and why not.
    private var fixed: (option: String, reason: String)? {
        let options: [(isGiven: Bool, String, String)] = [
            (seed != nil, "--seed", "weights and sample order follow from it"),
            (
                costModel != nil, "--cost-model",
                "the run's plans are compared by the one that it has"
            ),
            (
                !changed.texts.isEmpty, "--set",
                "the run has its job; --steps and --nodes can change"
            ),
            (runDir != nil, "--run-dir", "the run stays in its directory"),
            (profile != nil, "--profile", "the run's plans rest on the one that it has"),
            (reference, "--reference", "it trains undisturbed from the beginning"),
        ]
        return options.first(where: \.isGiven).map { ($0.1, $0.2) }
    }

    func run() async throws {
        if supervise { return try await superviseRun() }
        let faults = try RunFaults(fault)
        let display = RunDisplay()
        if let resume {
            guard !faults.concernNodes else {
                throw OobleckError(.usage, "nodes of a resumed run have their faults already")
            }
            let run = LocalRun(
                resuming: try resumeRequest(resume),
                faults: faults.coordinator,
                display: display
            )
            return try RunReport.show(
                await observation.observing(run, tls: tls.read()),
                format
            )
        }
        if standby { return try await standBy(faults, display) }
        guard let config else { return }
        let name = URL(fileURLWithPath: config).deletingPathExtension().lastPathComponent
        let directory = runDir ?? RunRequest.newRunPath(name)
        let request = try runRequest(config, directory, faults)
        if dryRun { return try await DryRun(request: request, format: format).execute() }
        if continues, try RunContinuation(request) == .resume {
            let resumed = LocalRun(
                resuming: try resumeRequest(directory),
                faults: faults.coordinator,
                display: display
            )
            return try RunReport.show(
                await observation.observing(resumed, tls: tls.read()),
                format
            )
        }
        try RunReport.show(
            reference
                ? await ReferenceRun(request: request, display: display).execute()
                : await observation.observing(
                    LocalRun(request: request, display: display),
                    tls: tls.read()
                ),
            format
        )
    }

    private func runRequest(
        _ config: String,
        _ directory: String,
        _ faults: RunFaults
    ) throws -> RunRequest {
        var request = RunRequest(configPath: config, runDirectoryPath: directory)
        request.settings = try changed.settings
        (request.nodes, request.steps, request.seed) = (nodes, steps, seed)
        request.costModel = costModel
        request.checkpoint = try checkpoints.request()
        request.faults = faults
        if let listen { request.listenHost = try NetworkInterface.address(listen) }
        request.port = port ?? 0
        request.tls = try tls.read()
        request.coordination = try location(of: directory)
        request.token = try tokenFile.map { try TokenFile.read($0) }
        request.profilePath = profile
        request.startedNodes = startNodes
        return request
    }

    private func resumeRequest(_ path: String) throws -> ResumeRequest {
        var request = ResumeRequest(path: path)
        (request.nodes, request.steps, request.startedNodes) = (nodes, steps, startNodes)
        request.listenHost = try listen.map { try NetworkInterface.address($0) }
        request.port = port
        request.checkpoint = try checkpoints.request()
        request.acceptsOtherArithmetic = acceptOtherArithmetic
        request.token = try tokenFile.map { try TokenFile.read($0) }
        request.tls = try tls.read()
        return request
    }

    /// The run's name in etcd is that of its directory, unless it got another.
    private func location(of directory: String) throws -> EtcdLocation? {
        let name = URL(fileURLWithPath: directory).lastPathComponent
        return try etcd.location(coordination, run: name)
    }

    private func standBy(_ faults: RunFaults, _ display: RunDisplay) async throws {
        guard !faults.concernNodes else {
            throw OobleckError(.usage, "nodes of a run have their faults already")
        }
        guard let location = try location(of: "") else { return }
        let request = Standby.Request(
            location: location,
            runDirectoryPath: runDir ?? RunRequest.newRunPath(location.run),
            listenHost: try listen.map { try NetworkInterface.address($0) } ?? "127.0.0.1",
            port: port ?? 0,
            tls: try tls.read()
        )
        let taken = try await Standby(request: request, display: display).takeOver()
        guard let taken else {
            guard format == .json else { return }
            let message = "the run is over; it needed no other coordinator"
            return try Console.result(CommandReport(message: message).text(format))
        }
        let run = LocalRun(
            takingOver: taken,
            startedNodes: startNodes ?? 0,
            faults: faults.coordinator,
            display: display
        )
        try RunReport.show(await observation.observing(run, tls: tls.read()), format)
    }

    /// Runs this command again without `--supervise`, as often as it takes.
    private func superviseRun() async throws {
        let name = URL(fileURLWithPath: config ?? "run").deletingPathExtension().lastPathComponent
        let directory = resume ?? runDir ?? RunRequest.newRunPath(name)
        var arguments = CommandLine.arguments.dropFirst().filter { $0 != "--supervise" }
        if resume == nil, runDir == nil { arguments += ["--run-dir", directory] }
        let faults = fault.filter { $0.hasPrefix("coordinator,") }.flatMap { ["--fault", $0] }
        let supervisor = RunSupervisor(
            executable: try Executables().command,
            first: Array(arguments),
            next: ["train", "--resume", directory] + faults + tls.arguments
                + observation.arguments + (format == .json ? ["--format", "json"] : []),
            runDirectoryPath: directory
        )
        let status = try await supervisor.run()
        if status != 0 { throw ExitCode(status) }
    }
}
