import ArgumentParser
import OobleckControl
import OobleckCore
import OobleckRun

/// `oobleck drain`.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have a node leave a run at the next step boundary."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Argument(help: "The node's number.")
    var node: Int

    func run() async throws {
        print(try await AdminClient(run: runDirectory).drain(NodeID(node)))
    }
}

/// `oobleck add`.
struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Have one more local node join a run."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    func run() async throws { print(try await AdminClient(run: runDirectory).addNode()) }
}

extension AdminClient {
    /// A client of the run in a directory.
    ///
    /// Throws one line when it does not go on.
    fileprivate init(run path: String) throws {
        let directory = try RunDirectory.open(path: path)
        guard directory.isRunning else {
            throw OobleckError(.usage, "the run in \(path) is over; there is nobody to ask")
        }
        let endpoint = try directory.endpoint()
        self.init(
            coordinator: CoordinatorAddress(host: endpoint.host, port: endpoint.port),
            token: endpoint.token
        )
    }
}
