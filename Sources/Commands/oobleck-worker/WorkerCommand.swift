import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckEngine
import OobleckRecording
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckTensor
import OobleckTransport

/// The training process of one device of a node.
///
/// Its standard input is a pipe that its agent holds: when it closes, the agent is gone, and so is
/// the worker.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Train on one device of a node of a run."
    )

    @Option(help: "HOST:PORT of the run's coordinator.") var coordinator: String?
    @Option(help: "Where the run's coordinators are found: etcd://host:port,.../run.")
    var coordination: String?
    @Option(help: "The run's coordinator.json, read again whenever the coordinator is gone.")
    var endpoint: String?
    @Option(help: "The file with the run's token.") var tokenFile: String
    @Option(help: "The node's number.") var node: Int
    @Option(help: "The device of the node, counted from 0.") var device = 0
    @Option(help: "Address at which other workers reach this one.") var host = "127.0.0.1"
    @Option(help: "Our certificate (PEM).") var tlsCert: String?
    @Option(help: "The certificate's key (PEM).") var tlsKey: String?
    @Option(help: "The authority (PEM) of both sides.") var tlsCa: String?

    @Flag(help: "Other workers of the run are on this machine.") var sharesMachine = false
    @Option(help: "Seconds that a failure may go unnoticed.") var detectionBudget = 2.0

    func run() async throws {
        try ParentWatch.exitWithParent()
        // The agent decides when the node leaves, also when both are asked to end.
        ProcessSignals.ignoreAll()
        try TensorRuntime.initialize()
        let token = try TokenFile.read(tokenFile)
        let neighbours = RunNeighbours(token: token)
        let id = WorkerID(NodeID(node), device: device)
        let client = WorkerClient(
            coordinator: try CoordinatorLocator(
                coordination: try coordination.map { try EtcdLocation(parsing: $0, run: "run") },
                coordinator: coordinator,
                endpointPath: endpoint
            ),
            token: token,
            tls: try ControlTLS(certificatePath: tlsCert, keyPath: tlsKey, authorityPath: tlsCa),
            worker: id,
            deadlines: Deadlines(budget: Seconds(detectionBudget))
        )
        let worker = Worker(
            id,
            host: host,
            link: client,
            sharesMachine: { [sharesMachine] in sharesMachine || neighbours.exist() }
        )
        try worker.startTrainingThread()
        defer { worker.close() }
        try await client.run { worker.receive($0) }
        // What libtorch still holds ends with the process; its threads may be in a dead group.
        Foundation.exit(0)
    }
}
