import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckDashboard
import OobleckData
import OobleckMetrics
import OobleckRunFiles
import OobleckRuntime
import OobleckTransport

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
            "The agent of node N serves its own /metrics at PORT + N, where the node's workers listen.",
            valueName: "port"
        )
    )
    var agentMetricsPort: Int?

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

    @Flag(
        help: "Serve a live page about the run on this machine while it lasts, and print its link."
    )
    var dashboard = false

    @Option(
        help: ArgumentHelp(
            "Where the dashboard listens, on loopback; means --dashboard. [127.0.0.1, a free port]",
            valueName: "host:port"
        )
    )
    var dashboardListen: String?

    @Flag(help: "Write an event file of TensorBoard into the run's folder tensorboard.")
    var tensorboard = false

    @Option(
        help: ArgumentHelp(
            "Tell an MLflow server the numbers of each step, as http://127.0.0.1:5000; credentials come from "
                + "MLFLOW_TRACKING_TOKEN, or from MLFLOW_TRACKING_USERNAME and _PASSWORD.",
            valueName: "uri"
        )
    )
    var mlflow: String?

    @Option(help: "The experiment of --mlflow that the run belongs to.")
    var mlflowExperiment = "oobleck"

    @Flag(help: "Write no report.html into the run's directory at its end.")
    var noReport = false

    func validate() throws {
        if let agentMetricsPort, !(1...65535 ~= agentMetricsPort) {
            throw ValidationError(
                "--agent-metrics-port is \(agentMetricsPort); it must be from 1 to 65535."
            )
        }
        do {
            _ = try metricsAddress()
            _ = try dashboardAddress()
            if let mlflow { try MLflowRun.validate(mlflow) }
        } catch let error as OobleckError {
            throw ValidationError(error.message)
        }
    }

    private func metricsAddress() throws -> HostPort? {
        try metricsListen.map { try HostPort(parsing: $0, what: "--metrics-listen") }
    }

    /// `nil` without a dashboard.
    private func dashboardAddress() throws -> HostPort? {
        guard let dashboardListen else {
            return dashboard ? HostPort(host: "127.0.0.1", port: 0) : nil
        }
        return try HostPort(parsing: dashboardListen, what: "--dashboard-listen")
    }

    /// The same options on a command line.
    var arguments: [String] {
        let values: [(option: String, value: String?)] = [
            ("--metrics-listen", metricsListen),
            ("--agent-metrics-port", agentMetricsPort.map { "\($0)" }),
            ("--dashboard-listen", dashboardListen), ("--on-event", onEvent), ("--mlflow", mlflow),
            ("--mlflow-experiment", mlflow.map { _ in mlflowExperiment }),
        ]
        let flags: [(option: String, isSet: Bool)] = [
            ("--dashboard", dashboard), ("--tensorboard", tensorboard), ("--no-report", noReport),
        ]
        return values.flatMap { option, value in value.map { [option, $0] } ?? [] }
            + flags.filter(\.isSet).map(\.option)
    }

    /// Executes a run, and shows it meanwhile and at its end as these options say.
    ///
    /// With `tls`, the buttons of the dashboard reach its coordinator.
    func observing(
        _ run: LocalRun,
        tls: ControlTLS? = nil
    ) async throws -> (RunDirectory, RunResult) {
        let place = RunPlace()
        var run = run
        run.agentMetricsPort = agentMetricsPort
        run.followers.append { directory, _ in
            place.note(directory)
            return { _ in }
        }
        let display = run.display
        if let onEvent {
            let hook = EventHook(onEvent) { display.say($0) }
            run.followers.append { directory, _ in hook.follow(directory) }
        }
        if let mlflow {
            let experiment = mlflowExperiment
            run.followers.append { directory, job in
                do {
                    let told = try MLflowRun(mlflow, experiment: experiment, directory, job) {
                        display.say($0)
                    }
                    return { told.receive($0) }
                } catch {
                    display.say("MLflow is told nothing: \(oneLine(error))")
                    return { _ in }
                }
            }
        }
        if tensorboard {
            run.followers.append { directory, job in
                let file = TensorBoardFile(directory, job) { display.say($0) }
                return { file.receive($0) }
            }
        }
        defer { if !noReport { place.writeReport() } }
        let service = try metricsAddress().map { address in
            let service = MetricsService()
            run.followers.append { service.follow($0, $1) }
            return MetricsServer(address, service)
        }
        let observed = run
        return try await showing(place, tls) {
            guard let service else { return try await observed.execute() }
            return try await service.serving { try await observed.execute() }
        }
    }

    /// Serves the dashboard, if there is to be one, while `body` runs.
    private func showing<Result: Sendable>(
        _ place: RunPlace,
        _ tls: ControlTLS?,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard let address = try dashboardAddress() else { return try await body() }
        let server = try DashboardServer(
            address,
            option: "--dashboard-listen",
            token: .random(),
            shelf: RunShelf(run: { place.known }),
            actor: DashboardRequests.actor(tls: tls)
        )
        return try await server.serving { link in
            place.keep(link)
            defer { place.removeLink() }
            return try await body()
        }
    }
}
