import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckLaunch
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckTransport

/// `oobleck drain`.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have a node leave a run at the next step boundary.",
        discussion: "With --format json, one object: node and message."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Argument(help: "The node's number.")
    var node: Int

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @OptionGroup var tls: TLSOptions

    func run() async throws {
        let message = try await AdminClient(run: runDirectory, tls).drain(NodeID(node))
        try Console.result(CommandReport(message: message, node: node).text(format))
    }
}

/// `oobleck add`.
struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Have one more local node join a run.",
        discussion: "With --format json, one object: message."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @OptionGroup var tls: TLSOptions

    func run() async throws {
        let message = try await AdminClient(run: runDirectory, tls).addNode()
        try Console.result(CommandReport(message: message).text(format))
    }
}

extension AdminClient {
    /// A client of the run in a directory.
    ///
    /// Throws one line when it does not go on.
    fileprivate init(run path: String, _ options: TLSOptions) throws {
        let directory = try RunDirectory.open(path: path)
        guard directory.isRunning else {
            throw OobleckError(
                .usage,
                directory.isFinished
                    ? "the run in \(path) is finished; nodes neither join nor leave it any more"
                    : "the run in \(path) has no coordinator now; have it go on, then ask again: "
                        + directory.resumeCommand
            )
        }
        let endpoint = try directory.endpoint()
        // A launcher leaves its certificate in the run's directory.
        let own = CertificateFiles(directory.certificatesPath)
        let tls = try options.read() ?? (own.exist ? ControlTLS(own) : nil)
        guard (tls != nil) == (endpoint.tls ?? false) else {
            throw OobleckError(
                .usage,
                tls == nil
                    ? "the run in \(path) speaks TLS; give --tls-cert, --tls-key and --tls-ca"
                    : "the run in \(path) does not speak TLS; leave the --tls options out"
            )
        }
        self.init(
            coordinator: CoordinatorAddress(host: endpoint.host, port: endpoint.port),
            token: try directory.token(),
            tls: tls
        )
    }
}
