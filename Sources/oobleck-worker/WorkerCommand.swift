import ArgumentParser
import Foundation
import OobleckControl
import OobleckCore
import OobleckEngine
import OobleckRecording
import OobleckTensor

/// One node's training process.
///
/// Its standard input is a pipe that its agent holds: when it closes, the agent is gone, and so is
/// the worker.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Train as one node of a run."
    )

    @Option(help: "HOST:PORT of the run's coordinator.") var coordinator: String
    @Option(help: "The run's coordinator.json, read again whenever the coordinator is gone.")
    var endpoint: String?
    @Option(help: "What the coordinator wants to see.") var token: String
    @Option(help: "The node's number.") var node: Int
    @Option(help: "Address at which other workers reach this one.") var host = "127.0.0.1"

    func run() async throws {
        ParentWatch.exitWithParent()
        try TensorRuntime.initialize()
        let client = WorkerClient(
            coordinator: try CoordinatorLocator(coordinator: coordinator, endpointPath: endpoint),
            token: token,
            node: NodeID(node)
        )
        let worker = Worker(node: NodeID(node), host: host, link: client)
        worker.startTrainingThread()
        defer { worker.close() }
        try await client.run { worker.receive($0) }
        // What libtorch still holds ends with the process; its threads may be in a dead group.
        Foundation.exit(0)
    }
}
