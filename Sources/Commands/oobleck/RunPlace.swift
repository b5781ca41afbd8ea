import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import Synchronization

/// Where a run is recorded, once it is known.
final class RunPlace: Sendable {
    private struct State {
        var path: String?
        var link: String?
    }

    private let state = Mutex(State())

    /// The run's directory.
    var known: String? { state.withLock { $0.path } }

    func note(_ directory: RunDirectory) {
        let link: String? = state.withLock { state in
            defer { state.path = directory.path }
            return state.path == directory.path ? nil : state.link
        }
        if let link { tell(link, directory) }
    }

    /// Keeps the link to the dashboard for whoever may read the run's token.
    func keep(_ link: String) { state.withLock { $0.link = link } }

    /// Says where the dashboard is: at a terminal with the token, which has no place in a file of output.
    private func tell(_ link: String, _ directory: RunDirectory) {
        do {
            let bytes = Array("\(link)\n".utf8)
            try AtomicFile.write(
                bytes,
                to: RunDirectory.dashboardPath(in: directory.path),
                permissions: 0o600
            )
        } catch {
            Console.show("cannot keep the dashboard's link: \(oneLine(error))")
        }
        if Console.isTerminal { return Console.show("dashboard: \(link)") }
        let address = link.prefix { $0 != "#" }
        Console.show(
            "dashboard: \(address) (the link is in \(RunDirectory.dashboardPath(in: directory.path)))"
        )
    }

    /// Takes the link away: the dashboard has ended.
    func removeLink() {
        if let path = known { unlink(RunDirectory.dashboardPath(in: path)) }
    }

    /// Writes the page of the run; trouble with it is told, and changes nothing.
    func writeReport() {
        guard let path = known else { return }
        do {
            let directory = try RunDirectory.open(path: path)
            try ReportCommand.write(directory, to: directory.reportPath)
        } catch {
            Console.complain("cannot write the run's page: \(oneLine(error))")
        }
    }
}

extension RunDirectory {
    /// Where a run keeps the link to its dashboard while that is served, for its owner alone.
    static func dashboardPath(in directory: String) -> String { directory + "/dashboard" }
}
