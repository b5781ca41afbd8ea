import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckLaunch
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckText
import OobleckTransport

/// `oobleck launch`.
struct LaunchCommand: InterruptibleCommand {
    static let isRun = true
    static let configuration = CommandConfiguration(
        commandName: "launch",
        abstract: "Train on other machines, which are reached over ssh.",
        discussion: """
            Checks all hosts first and prints one table. The coordinator runs here; each host's nodes \
            end with their connection, and so with this command. The same command resumes an unfinished \
            run. Documentation/Hosts.md explains hostfiles and what is protected.
            """
    )

    @Argument(help: "The job, as Examples/tiny.yaml explains.")
    var config: String

    @Option(help: "One host a line: NAME [slots=N] [port=N] [address=ADDRESS]; # begins a comment.")
    var hostfile: String

    @Option(help: "Hosts that take part, alone: node1@node2, or with devices node1@node2:0,1.")
    var include: String?

    @Option(help: "Hosts or devices that take no part, in the same form.")
    var exclude: String?

    @Option(help: "Where to record the run, and to find it again. [runs/NAME of the job's file]")
    var runDir: String?

    @Option(help: "Steps to train; overrides the job, and lets a finished run train more.")
    var steps: Int?

    @Option(help: "Seed of weights, sample order and dropout; overrides the job.")
    var seed: UInt64?

    @OptionGroup var changed: SettingOptions

    @OptionGroup var checkpoints: CheckpointOptions

    @OptionGroup var observation: ObservationOptions

    @Option(help: "A profile.json to use instead of measuring on the first host.")
    var profile: String?

    @Option(
        help: ArgumentHelp(
            "Where the coordinator listens: an address or interface of this machine. [by the route "
                + "to the first host]",
            valueName: "address|interface"
        )
    )
    var listen: String?

    @Option(help: "Port of the coordinator; 0 takes any free one. [0]")
    var port: Int?

    @Option(
        help:
            "Interface of the hosts at which their nodes listen. [by the route to the coordinator]"
    )
    var interface: String?

    @Option(
        help: ArgumentHelp(
            "A setting of ssh, as IdentityFile=~/.ssh/cluster, or =-ARGUMENT. Repeatable.",
            valueName: "name=value"
        )
    )
    var sshOption: [String] = []

    @Option(help: "A file to read instead of ~/.ssh/config.")
    var sshConfig: String?

    @Option(help: "The program on the hosts. [the path of this one]")
    var remoteProgram: String?

    @Option(
        name: .customLong("env"),
        help: ArgumentHelp(
            "A variable that nodes get, besides NCCL_* and GLOO_*. Repeatable.",
            valueName: "name[=value]"
        )
    )
    var environment: [String] = []

    @Flag(help: "Try hosts that do not answer or that go again, with growing pauses.")
    var respawn = false

    @Flag(help: "Control messages and the run's token go over the network in the clear.")
    var insecure = false

    @Option(help: "Seconds that the check of a host may take.")
    var preflightTimeout = 60.0

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @Flag(help: "Check all hosts, print the table and the commands; start nothing.")
    var dryRun = false

    func validate() throws {
        if let port, !(0...65535 ~= port) {
            throw ValidationError("--port is \(port); it must be from 0 to 65535.")
        }
        guard preflightTimeout > 0, preflightTimeout <= 3600 else {
            throw ValidationError(
                "--preflight-timeout is \(preflightTimeout); it must be more than 0 s, 3600 s at most."
            )
        }
    }

    func run() async throws {
        let display = RunDisplay()
        let run = LaunchedRun(try request(), display: display) { [observation] in
            try await observation.observing($0)
        }
        switch try await run.execute() {
        case .ended(let directory, let result): try RunReport.show((directory, result), format)
        case .planned(let lines): try show(lines)
        }
    }

    /// What a dry run found: commands, one for each host.
    private func show(_ commands: [String]) throws {
        let message = "dry run: would start, over ssh,"
        guard format == .json else {
            let lines = [message] + commands.map { "    \($0)" }
            return try Console.result(lines.joined(separator: "\n"))
        }
        try Console.result(
            Console.json(DryLaunch(message: message + " these commands", commands: commands))
        )
    }

    private struct DryLaunch: Encodable {
        let message: String
        let commands: [String]
    }

    private func request() throws -> LaunchRequest {
        let name = URL(fileURLWithPath: config).deletingPathExtension().lastPathComponent
        var run = RunRequest(configPath: config, runDirectoryPath: runDir ?? "runs/\(name)")
        run.settings = try changed.settings
        (run.steps, run.seed, run.profilePath) = (steps, seed, profile)
        run.checkpoint = try checkpoints.request()
        let hosts = try Hostfile.parse(TextFile.read(hostfile), path: hostfile)
        var request = LaunchRequest(
            run: run,
            hosts: try HostSelection.select(hosts, include: include, exclude: exclude),
            options: try SSHOptions(configPath: sshConfig, extra: sshOption),
            program: try remoteProgram ?? Executables().command,
            command: (["oobleck"] + CommandLine.arguments.dropFirst().map(\.shellWord))
                .joined(separator: " ")
        )
        request.steps = steps
        (request.listenHost, request.port, request.interface) = (listen, port, interface)
        (request.isInsecure, request.respawns, request.isDryRun) = (insecure, respawn, dryRun)
        request.preflightTime = Seconds(preflightTimeout)
        request.environment = try EnvironmentChoice.variables(
            environment,
            own: ProcessInfo.processInfo.environment
        )
        return request
    }
}

extension String {
    /// The text as a word of a command line; options stay options.
    fileprivate var shellWord: String {
        hasPrefix("-")
            && dropFirst().allSatisfy { $0.isLetter || $0.isNumber || "-=.:,_/@+".contains($0) }
            ? self : shellQuoted
    }
}
