import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRuntime
import OobleckTransport

/// `oobleck launch`: a run whose coordinator is this process, and whose nodes are started on other
/// machines over ssh.
package struct LaunchedRun {
    /// How long the first host may take to measure the job's layers.
    private static let profilingTime: Seconds = 600

    private let request: LaunchRequest
    private let display: RunDisplay

    private let observing: (LocalRun) async throws -> (RunDirectory, RunResult)

    /// A run that `observing` executes, whatever else it does with it.
    package init(
        _ request: LaunchRequest,
        display: RunDisplay,
        observing: @escaping (LocalRun) async throws -> (RunDirectory, RunResult)
    ) {
        self.request = request
        self.display = display
        self.observing = observing
    }

    /// What a launch came to.
    package enum Outcome {
        case ended(RunDirectory, RunResult)
        /// A dry run: the commands that would start the nodes of each host.
        case planned(commands: [String])
    }

    /// Trains, or says that there is nothing to do, or what it would do.
    ///
    /// Throws one line.
    package func execute() async throws -> Outcome {
        var run = request.run
        let devices = try JobFile.load(path: run.configPath, settings: run.settings)
            .cluster.workersPerNode
        for host in request.hosts { try host.requireWholeNodes(devicesPerNode: max(1, devices)) }
        run.nodes = request.hosts.nodeCount(devicesPerNode: devices)
        let job = try run.job(keepsSummary: !request.isDryRun)
        let stage = try LaunchStage(run.runDirectoryPath, job: job, steps: request.steps)
        if stage == .finished, !request.isDryRun {
            let (directory, result) = try finished()
            return .ended(directory, result)
        }
        run.listenHost = try await LaunchAddress.of(request)
        let socket = try ListeningSocket(host: run.listenHost, port: request.port ?? 0)
        var isOpen = true
        defer { if isOpen { socket.discard() } }
        run.port = socket.port
        let check = try await check(job, HostPort(host: socket.host, port: socket.port))
        if request.isDryRun { return .planned(commands: check.hosts.map(commandLine)) }
        run.nodes = check.hosts.nodeCount(devicesPerNode: devices)
        try await measure(&run, job, check.hosts, stage)
        // The coordinator listens there in a moment.
        socket.discard()
        isOpen = false
        let (directory, result) = try await train(run, check, stage)
        return .ended(directory, result)
    }

    private func finished() throws -> (RunDirectory, RunResult) {
        let directory = try RunDirectory.open(path: request.run.runDirectoryPath)
        let result = try directory.result()
        display.say(
            "the run in \(directory.path) is finished after \(counted(result.steps, "step"))"
        )
        return (directory, result)
    }

    // MARK: Hosts

    /// The hosts that take part, and those of them that share a machine.
    private struct Checked {
        let hosts: [HostEntry]
        let crowded: Set<String>
    }

    /// Checks all hosts, and prints what was found.
    ///
    /// Throws one line unless all that answer are fine, and some do.
    private func check(_ job: JobSpecification, _ coordinator: HostPort) async throws -> Checked {
        let mark = try job.checkpoint?.directory.flatMap { try SharedMark(below: $0) }
        defer { mark?.remove() }
        display.say("checking \(counted(request.hosts.count, "host")) ...")
        let preflight = Preflight(
            options: request.options,
            program: request.program,
            interface: request.interface,
            deadline: request.preflightTime,
            job: job,
            coordinator: coordinator,
            sharedMark: mark?.path
        )
        let reports = await preflight.run(request.hosts)
        let standard = HostStandard(
            dataDigest: try TrainingData.load(
                job,
                look: FirstLook(keepsSummary: !request.isDryRun)
            ).digest(),
            coordinator: coordinator,
            torch: HostStandard.usualTorch(reports),
            checkpointsPath: job.checkpoint?.directory,
            faultTolerance: job.cluster.faultTolerance,
            devicesPerNode: job.cluster.workersPerNode
        )
        let table = HostTable(reports, standard)
        Console.show(table.lines(limit: Console.pageLimit).joined(separator: "\n"))
        let failed = reports.filter { report in
            report.problems(standard).contains { $0.weight == .failure }
        }
        guard failed.isEmpty else {
            let names = failed.map(\.host.name).joined(separator: ", ")
            throw OobleckError(
                .usage,
                "\(counted(failed.count, "host")) cannot take part (\(names)); mend what the table "
                    + "says, or leave them out with --exclude"
            )
        }
        let present = reports.filter { report in
            !report.problems(standard).contains { $0.weight == .absent }
        }
        guard !present.isEmpty else {
            throw OobleckError(.outOfNodes, "no host answers; nothing was started")
        }
        if present.count < reports.count {
            let rest =
                request.respawns ? "the others are tried again" : "--respawn tries them again"
            display.say(
                "starting with \(present.count) of \(counted(reports.count, "host")); \(rest)"
            )
        }
        return Checked(
            hosts: present.map(\.host),
            crowded: Set(HostTable.crowded(reports).flatMap { $0 })
        )
    }

    private func commandLine(_ host: HostEntry) -> String {
        let arguments = request.options.arguments(host, command: [request.program, "remote"])
        return ([request.options.executable] + arguments).joined(separator: " ")
    }

    /// Has the first host that answers measure the job's layers, unless there is a profile already.
    private func measure(
        _ run: inout RunRequest,
        _ job: JobSpecification,
        _ hosts: [HostEntry],
        _ stage: LaunchStage
    ) async throws {
        guard stage != .unfinished, run.profilePath == nil else { return }
        var trouble: OobleckError?
        for host in hosts {
            display.say("profiling \(job.model.name) on \(host.name) ...")
            do {
                run.measured = try await measure(job, host)
                return
            } catch let error as OobleckError where error.code == .outOfNodes {
                // It went since it was checked.
                display.say(error.message)
                trouble = error
            }
        }
        if let trouble { throw trouble }
    }

    private func measure(_ job: JobSpecification, _ host: HostEntry) async throws -> ModelProfile {
        let session = try RemoteSession(host, options: request.options, program: request.program)
        defer { session.kill() }
        do {
            _ = try await session.greeting(within: request.options.connectTimeout + 20)
            switch try await session.ask(.profile(job), within: Self.profilingTime) {
            case .profile(let profile): return profile
            case .failed(let text, let status):
                throw OobleckError(
                    OobleckError.Code(exitStatus: status),
                    "host \(host.name): \(text)"
                )
            default: throw RemoteTrouble.other("answered something else")
            }
        } catch let trouble as RemoteTrouble {
            throw OobleckError(.outOfNodes, "host \(host.name): \(trouble.text)")
        }
    }

    // MARK: The run

    private func train(
        _ run: RunRequest,
        _ check: Checked,
        _ stage: LaunchStage
    ) async throws -> (RunDirectory, RunResult) {
        var local = try localRun(run, stage)
        local.remote = try remoteNodes(run, check)
        return try await observing(local)
    }

    private func localRun(_ run: RunRequest, _ stage: LaunchStage) throws -> LocalRun {
        if stage == .unbegun { _ = try RunDirectory.removeUnbegun(path: run.runDirectoryPath) }
        guard stage == .unfinished else { return LocalRun(request: run, display: display) }
        var resume = ResumeRequest(path: run.runDirectoryPath)
        (resume.nodes, resume.steps) = (run.nodes, request.steps)
        (resume.listenHost, resume.port) = (run.listenHost, run.port)
        resume.checkpoint = run.checkpoint
        resume.nodesHaveEnded = true
        return LocalRun(resuming: resume, faults: [], display: display)
    }

    private func remoteNodes(_ run: RunRequest, _ check: Checked) throws -> RemoteNodes {
        let isLoopback = CoordinatorAddress(host: run.listenHost, port: 0).isLoopback
        let authority = request.isInsecure || isLoopback ? nil : try RunCertificates()
        if request.isInsecure, !isLoopback {
            display.say(
                "--insecure: whoever sees the network between the machines reads the run's token, and can "
                    + "join the run, stop it or alter it"
            )
        }
        let settings = SSHLauncher.Settings(
            options: request.options,
            program: request.program,
            interface: request.interface,
            environment: request.environment,
            respawns: request.respawns,
            crowded: check.crowded
        )
        // Hosts that are absent come last: they are started when they answer.
        let absent = request.respawns ? request.hosts.filter { !check.hosts.contains($0) } : []
        let hosts = check.hosts + absent
        let host = run.listenHost
        return RemoteNodes(
            command: request.command,
            certificates: { directory in
                let own = try authority?.issue(name: "coordinator", reachedAt: [host])
                return try own?.write(to: directory.certificatesPath)
            },
            launcher: { site in
                let certificates = try authority.map { authority in
                    try hosts.reduce(into: [:]) { all, host in
                        all[host.name] = try authority.issue(name: host.name)
                    }
                }
                let launcher = SSHLauncher(
                    hosts,
                    site: site,
                    settings: settings,
                    certificates: certificates ?? [:]
                )
                launcher.await(absent)
                return launcher
            }
        )
    }
}
