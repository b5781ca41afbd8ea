import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckMetrics
import OobleckRecording
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckStoreEtcd
import OobleckTransport

/// `oobleck agent`: started by the launcher, or by hand on another machine.
struct AgentCommand: InterruptibleCommand {
    static let isRun = true
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Supervise one node of a run; started by train, or by hand on another machine."
    )

    @Option(help: "HOST:PORT of the run's coordinator; not needed with --coordination.")
    var coordinator: String?

    @Option(
        help: ArgumentHelp(
            "Where the run's coordinators keep their state, and are found.",
            valueName: "etcd://host:port,.../run"
        )
    )
    var coordination: String?

    @OptionGroup var etcd: EtcdOptions

    @Option(help: "The run's coordinator.json, read again whenever the coordinator is gone.")
    var endpoint: String?

    @Option(
        help: ArgumentHelp(
            "The run's directory, where this machine shares it: has coordinator.json and token.",
            valueName: "dir"
        )
    )
    var runDir: String?

    @Option(help: "With --run-dir: seconds to wait until the run has a coordinator.")
    var wait = 600.0

    @Flag(help: "With --run-dir: end with status 75 unless the run is finished.")
    var untilFinished = false

    @Option(help: "A copy, of mode 0600, of the file token in the run directory.")
    var tokenFile: String?

    @Option(help: "Number to join as; the next free one if left out.")
    var node: Int?

    @Option(help: "The program to run as the worker; oobleck-worker beside this one if left out.")
    var workerExecutable: String?

    @Option(help: "File to which the worker's output is added.")
    var log: String?

    @Option(
        help: ArgumentHelp(
            "Where the worker listens for other workers: an address or interface of this machine.",
            valueName: "address|interface"
        )
    )
    var listen: String?

    @Option(help: "What the node calls itself whenever it joins; the machine's name if left out.")
    var name: String?

    @Flag(help: "Other nodes of the run are on this machine.")
    var sharesMachine = false

    @Option(
        help: ArgumentHelp(
            "Serve the agent's /metrics for Prometheus and /healthz there, as 127.0.0.1:9465.",
            valueName: "host:port"
        )
    )
    var metricsListen: String?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @Option(help: "Seconds that a failure may go unnoticed, as far as known before joining.")
    var detectionBudget = 2.0

    @OptionGroup var tls: TLSOptions

    func validate() throws {
        guard coordinator != nil || coordination != nil || runDir != nil else {
            throw ValidationError(
                "Say where the run is: --run-dir, --coordinator or --coordination."
            )
        }
        guard runDir == nil || coordinator == nil && coordination == nil && endpoint == nil else {
            throw ValidationError("--run-dir tells where the coordinator is; leave the others out.")
        }
        guard runDir != nil || tokenFile != nil else {
            throw ValidationError("Name the run's --token-file, or its --run-dir, which has it.")
        }
        guard runDir != nil || !untilFinished else {
            throw ValidationError("--until-finished goes with --run-dir.")
        }
        guard wait >= 0, wait <= 86400 else {
            throw ValidationError("--wait is \(wait); it must be from 0 to 86400 s.")
        }
        guard detectionBudget > 0, detectionBudget <= 3600 else {
            throw ValidationError(
                "--detection-budget is \(detectionBudget); it must be more than 0 s, 3600 s at most."
            )
        }
    }

    /// How the worker finds the coordinator: as we do.
    private func workerArguments(_ location: EtcdLocation?) -> [String] {
        let options = [
            ("--coordinator", coordinator), ("--endpoint", endpoint),
            ("--coordination", location?.text),
        ]
        return options.flatMap { option, value in value.map { [option, $0] } ?? [] }
    }

    func run() async throws {
        guard let runDir else { return try await join(tokenFile ?? "") }
        let shared = SharedRun(path: runDir, needsToken: tokenFile == nil)
        guard let address = try await shared.coordinator(within: Seconds(wait)) else {
            let message = "the run in \(runDir) is finished"
            guard format == .json else { return Console.show(message) }
            return try Console.result(CommandReport(message: message).text(format))
        }
        var agent = self
        agent.coordinator = address.description
        agent.endpoint = shared.endpointPath
        try await agent.join(tokenFile ?? shared.tokenPath)
        guard untilFinished else { return }
        guard case .finished = shared.look() else {
            throw OobleckError(.outOfNodes, "left the run in \(runDir) before it was finished")
        }
    }

    private func join(_ tokenFile: String) async throws {
        let address = try coordinator.map { try CoordinatorAddress(parsing: $0) }
        try address?.requireResolvable()
        let location = try etcd.location(coordination, run: "run")
        // The worker's output goes there; opening it must not wait for a reader.
        if let log { _ = try OpenFile(log, for: .append) }
        let agent = Agent(
            coordinator: try CoordinatorLocator(
                coordination: location,
                coordinator: coordinator,
                endpointPath: endpoint
            ),
            token: try TokenFile.read(tokenFile),
            tokenPath: tokenFile,
            tls: try tls.read(),
            node: node.map { NodeID($0) },
            workerExecutable: try workerExecutable ?? Executables().worker,
            workerArguments: workerArguments(location),
            logPath: log,
            listenHost: try listenHost(address),
            sharesMachine: sharesMachine,
            deadlines: Deadlines(budget: Seconds(detectionBudget)),
            name: name,
            departure: Departure()
        )
        try await AgentService(
            agent: agent,
            metrics: try metricsListen.map { try HostPort(parsing: $0, what: "--metrics-listen") },
            observe: AgentMetrics.serve
        ).run { [format] reason in
            let message = "left the run: \(reason)"
            guard format == .json else { return Console.show(message) }
            try Console.result(
                CommandReport(message: message, node: agent.tally.facts.node?.rawValue).text(format)
            )
        }
    }

    /// Other machines reach a worker only where it listens, so that has to be said for them.
    private func listenHost(_ coordinator: CoordinatorAddress?) throws -> String {
        if let listen { return try NetworkInterface.address(listen) }
        guard let coordinator else {
            throw OobleckError(
                .usage,
                "the run's coordinators may be anywhere; say with --listen at which address or "
                    + "interface of this machine the other nodes reach it"
            )
        }
        guard coordinator.isLoopback else {
            throw OobleckError(
                .usage,
                "the coordinator is at \(coordinator.host), so the run spans machines; say with "
                    + "--listen at which address or interface of this one the others reach it"
            )
        }
        return coordinator.host
    }
}
