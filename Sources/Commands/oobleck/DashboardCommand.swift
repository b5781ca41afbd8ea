import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckDashboard
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckTransport

/// `oobleck dashboard`.
struct DashboardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dashboard",
        abstract: "Show runs live in a browser on this machine.",
        discussion: """
            Prints a link; who has it sees the runs, and may drain and add nodes and stop runs unless it is \
            --read-only. It listens on loopback only: from another machine use ssh -L PORT:127.0.0.1:PORT. \
            Runs do not notice it; Ctrl-C ends it.
            """
    )

    @Argument(help: "A folder with runs, or a run. [runs]")
    var folder = "runs"

    @Option(
        help: ArgumentHelp(
            "Where to listen, on loopback. [127.0.0.1, a free port]",
            valueName: "host:port"
        )
    )
    var listen: String?

    @Flag(help: "Show only: no button, and no request for a change is taken.")
    var readOnly = false

    @Option(help: "A file, of mode 0600, with the token of the link. [a new token]")
    var tokenFile: String?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @OptionGroup var tls: TLSOptions

    func run() async throws {
        let certificates = try tls.read()
        let server = try DashboardServer(
            try listen.map { try HostPort(parsing: $0, what: "--listen") }
                ?? HostPort(host: "127.0.0.1", port: 0),
            option: "--listen",
            token: try tokenFile.map { try TokenFile.read($0) } ?? .random(),
            shelf: RunShelf(path: folder),
            actor: readOnly ? nil : DashboardRequests.actor(tls: certificates)
        )
        try await server.serving { [format] link in
            let said = CommandReport(message: link, link: link)
            try Console.result(said.text(format))
            // Until a signal ends the process; there is nothing to put in order.
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
    }
}

/// What the buttons of a dashboard do.
enum DashboardRequests {
    /// Asks the coordinators of runs as `oobleck drain` and `oobleck add` do.
    static func actor(tls: ControlTLS?) -> DashboardActor {
        { action, directory in
            let client = try AdminClient(directory, tls: tls)
            switch action {
            case .drain(let node): return try await client.drain(node)
            case .add: return try await client.addNode()
            case .stop: return try await client.stop(reason: "stopped from the dashboard")
            }
        }
    }
}
