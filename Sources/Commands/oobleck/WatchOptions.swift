import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// How to reach the coordinator of a run whose directory is on another machine.
struct WatchOptions: ParsableArguments {
    @Option(help: "HOST:PORT of the run's coordinator, instead of a run directory.")
    var coordinator: String?

    @Option(
        help: "With --coordinator: a copy, of mode 0600, of the file token in the run directory."
    )
    var tokenFile: String?

    @OptionGroup var tls: TLSOptions

    /// Checks that the run is named in exactly one way.
    func validate(_ runDirectory: String?) throws {
        guard (runDirectory == nil) != (coordinator == nil) else {
            throw ValidationError("Name the run by its directory, or by --coordinator HOST:PORT.")
        }
        guard (coordinator == nil) == (tokenFile == nil) else {
            throw ValidationError("--coordinator and --token-file belong together.")
        }
    }

    /// A client of the coordinator that the options name.
    ///
    /// Throws one line.
    func client() throws -> AdminClient {
        AdminClient(
            coordinator: try CoordinatorAddress(parsing: coordinator ?? ""),
            token: try TokenFile.read(tokenFile ?? ""),
            tls: try tls.read()
        )
    }
}
