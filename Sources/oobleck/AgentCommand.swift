import ArgumentParser
import Foundation
import OobleckControl
import OobleckCore
import OobleckRecording

/// `oobleck agent`: started by the launcher, or by hand on another machine.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Supervise one node of a run.",
        shouldDisplay: false
    )

    @Option(help: "HOST:PORT of the run's coordinator.")
    var coordinator: String

    @Option(help: "The run's coordinator.json, read again whenever the coordinator is gone.")
    var endpoint: String?

    @Option(help: "What admits to the run (coordinator.json of the run directory).")
    var token: String

    @Option(help: "Number to join as; the next free one if left out.")
    var node: Int?

    @Option(help: "The program to run as the worker; oobleck-worker beside this one if left out.")
    var workerExecutable: String?

    @Option(help: "File to which the worker's output is added.")
    var log: String?

    func run() async throws {
        let agent = Agent(
            coordinator: try CoordinatorLocator(coordinator: coordinator, endpointPath: endpoint),
            token: token,
            node: node.map { NodeID($0) },
            workerExecutable: try workerExecutable ?? Executables().worker,
            workerArguments: ["--coordinator", coordinator]
                + (endpoint.map { ["--endpoint", $0] } ?? []),
            logPath: log
        )
        // Agent and worker are one process group, so that a node can be ended as one. Where that
        // is refused, we head a session, and so a group.
        if getpgrp() != getpid() { _ = setpgid(0, 0) }
        try await agent.run()
    }
}
