import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckMetrics
import OobleckRunFiles
import OobleckRuntime
import Synchronization

/// Options about what is to be seen of a run.
struct ObservationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Serve /metrics for Prometheus and /healthz there, as 127.0.0.1:9464, while the run lasts.",
            valueName: "host:port"
        )
    )
    var metricsListen: String?

    @Option(
        help: ArgumentHelp(
            """
            Run this with the system's shell for each event but commits, the event as a line of JSON on its \
            input; training does not wait, and after 10 s it is killed.
            """,
            valueName: "command"
        )
    )
    var onEvent: String?

    @Flag(help: "Write an event file of TensorBoard into the run's folder tensorboard.")
    var tensorboard = false

    @Flag(help: "Write no report.html into the run's directory at its end.")
    var noReport = false

    func validate() throws {
        do {
            _ = try metricsAddress()
        } catch let error as OobleckError {
            throw ValidationError(error.message)
        }
    }

    private func metricsAddress() throws -> HostPort? {
        try metricsListen.map { try HostPort(parsing: $0, what: "--metrics-listen") }
    }

    /// The same options on a command line.
    var arguments: [String] {
        (metricsListen.map { ["--metrics-listen", $0] } ?? [])
            + (onEvent.map { ["--on-event", $0] } ?? []) + (tensorboard ? ["--tensorboard"] : [])
            + (noReport ? ["--no-report"] : [])
    }

    /// Executes a run, and shows it meanwhile and at its end as these options say.
    func observing(_ run: LocalRun) async throws -> (RunDirectory, RunResult) {
        let place = RunPlace()
        var run = run
        run.followers.append { directory, _ in
            place.note(directory)
            return { _ in }
        }
        let display = run.display
        if let onEvent {
            let hook = EventHook(onEvent) { display.say($0) }
            run.followers.append { directory, _ in hook.follow(directory) }
        }
        if tensorboard {
            run.followers.append { directory, job in
                let file = TensorBoardFile(directory, job) { display.say($0) }
                return { file.receive($0) }
            }
        }
        defer { if !noReport { place.writeReport() } }
        guard let address = try metricsAddress() else { return try await run.execute() }
        let service = MetricsService()
        run.followers.append { service.follow($0, $1) }
        let observed = run
        return try await MetricsServer(address, service).serving { try await observed.execute() }
    }
}

/// Where a run is recorded, once it is known.
private final class RunPlace: Sendable {
    private let path = Mutex<String?>(nil)

    func note(_ directory: RunDirectory) { path.withLock { $0 = directory.path } }

    /// Writes the page of the run; trouble with it is told, and changes nothing.
    func writeReport() {
        guard let path = path.withLock({ $0 }) else { return }
        do {
            let directory = try RunDirectory.open(path: path)
            try ReportCommand.write(directory, to: directory.reportPath)
        } catch {
            Console.complain("cannot write the run's page: \(oneLine(error))")
        }
    }
}
