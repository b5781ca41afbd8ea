import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRuntime
import OobleckTransport

/// The program on a host, as a launcher starts it over ssh: answers what is asked, and becomes a node
/// when that is asked.
package struct RemoteService: Sendable {
    /// How long one other host may take to answer.
    private static let reachDeadline: Seconds = 3

    /// How a node ends that left in order because a signal asked for it, and not the run.
    static let noticeStatus: Int32 = 128 + SIGTERM

    private let input: RemoteInput
    private let executables: Executables
    private let observe: AgentService.Observe

    /// Starts to listen to the launcher; the process ends when it is gone.
    ///
    /// `observe` serves metrics of the agent while it runs, if that is ordered.
    package init(observe: @escaping AgentService.Observe) throws {
        self.observe = observe
        input = try RemoteInput()
        executables = try Executables()
    }

    /// Serves until the launcher is gone, or the node has left its run.
    package func run() async throws {
        try say(
            RemoteGreeting(
                version: programVersion,
                pid: Int(getpid()),
                hostName: ProcessEnvironment.hostName,
                bootID: ProcessEnvironment.machine
            )
        )
        // Listens from the check on, for the launcher and the other hosts to try.
        var listener: ListeningSocket?
        for await line in input.lines {
            let request = try JSONDecoder().decode(RemoteRequest.self, from: Data(line.utf8))
            switch request {
            case .clock: try say(RemoteReply.clock(Date().timeIntervalSince1970))
            case .check(let inquiry):
                let inspection = await HostInspection.facts(inquiry, executables)
                listener = inspection.listener
                try say(RemoteReply.checked(inspection.facts))
            case .reach(let targets): try say(RemoteReply.reached(await Self.unreachable(targets)))
            case .profile(let job):
                do {
                    let profile = try await MeasuredProfile.measure(job, executables)
                    try say(RemoteReply.profile(profile))
                } catch let error as OobleckError {
                    try say(RemoteReply.failed(error.message, exitStatus: error.code.exitStatus))
                }
            case .serve(let order):
                listener?.discard()
                return try await serve(order)
            }
        }
        // The reader ends the process; nothing is left to do here.
        try await Task.sleep(for: .seconds(5))
    }

    private func say(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try Console.result(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    private static func unreachable(_ targets: [String]) async -> [String: String] {
        await withTaskGroup(of: (String, String?).self) { group in
            for target in targets {
                group.addTask {
                    do {
                        let pair = try HostPort(parsing: target, what: "the other host")
                        let deadline = reachDeadline
                        return (target, await ConnectionProbe.trouble(to: pair, within: deadline))
                    } catch {
                        return (target, "\(error)")
                    }
                }
            }
            var troubles: [String: String] = [:]
            for await (target, trouble) in group { troubles[target] = trouble }
            return troubles
        }
    }

    /// Is a node of the run until it is over.
    private func serve(_ order: AgentOrder) async throws {
        for (name, value) in order.environment { setenv(name, value, 1) }
        let coordinator = try CoordinatorAddress(parsing: order.coordinator)
        let credentials = try RemoteCredentials(order)
        let departure = Departure()
        let listenHost = try Self.listenAddress(order.listen, coordinator)
        let agent = AgentService(
            agent: Agent(
                coordinator: CoordinatorLocator(coordinator),
                token: try RunToken(parsing: order.token),
                tokenPath: credentials.tokenPath,
                tls: credentials.tls,
                node: order.node,
                workerExecutable: executables.worker,
                workerArguments: ["--coordinator", order.coordinator],
                logPath: nil,
                listenHost: listenHost,
                sharesMachine: order.sharesMachine,
                deadlines: Deadlines(budget: order.detectionBudget),
                name: order.name,
                departure: departure
            ),
            metrics: order.metricsPort.map { HostPort(host: listenHost, port: $0) },
            observe: observe
        )
        input.setCleanUp {
            // The worker ends with us: we hold its input.
            credentials.remove()
            Console.complain("leaving: the connection to the launcher ended")
        }
        defer { credentials.remove() }
        try await agent.run()
        guard departure.isRequested else { return }
        // Its machine is taken away, most likely: the launcher tries it again, later.
        credentials.remove()
        Console.exit(Self.noticeStatus)
    }

    static func listenAddress(_ name: String?, _ coordinator: CoordinatorAddress) throws -> String {
        if let name { return try NetworkInterface.address(name) }
        return try NetworkInterface.address(
            towards: HostPort(host: coordinator.host, port: coordinator.port)
        )
    }
}
