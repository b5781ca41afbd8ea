import Foundation
import OobleckClock
import OobleckControl
import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckRecording
import OobleckRun

/// A run whose coordinator is this process and whose nodes are processes of this machine.
struct LocalRun {
    /// What can be done to a run while it goes.
    struct Controls: Sendable {
        let server: CoordinatorServer
        let cluster: LocalCluster

        /// Ends a node's processes with SIGKILL, and tells the coordinator when, not that.
        func kill(_ node: NodeID) {
            let now = MonotonicTime.now
            if cluster.kill(node) { server.noteKill(node, at: now) }
        }
    }

    /// How long measuring a model may take; before the run, and so no matter of its deadlines.
    private static let profilingDeadline: Seconds = 600

    let request: RunRequest
    let display: RunDisplay
    /// Called with all that is recorded; must be quick.
    var observer: @Sendable (RunNotice, Controls) -> Void = { _, _ in }

    /// Trains, and returns where and what it came to.
    ///
    /// Throws one line when the run could not start, and then leaves nothing behind, or when it
    /// stopped.
    func execute() async throws -> (RunDirectory, RunResult) {
        let job = try request.job()
        let executables = try Executables()
        try requireDescriptors(job)
        let socket = try ListeningSocket(host: request.listenHost, port: request.port)
        let prepared: (directory: RunDirectory, start: (ModelProfile, Reconfigurator))
        let store = try job.checkpoint?.directory.map { try CheckpointStore(path: $0, job: job) }
        do {
            prepared = try await request.withNewDirectory(job) { directory in
                try store?.prepare()
                return try await prepare(job, directory, executables)
            }
        } catch {
            socket.discard()
            throw error
        }
        let (profile, reconfigurator) = prepared.start
        let coordinator = Coordinator(job: job, profile: profile, reconfigurator: reconfigurator)
        return (
            prepared.directory,
            try await train(job, coordinator, prepared.directory, executables, socket)
        )
    }

    /// Throws one line when this process may not open enough files for its nodes.
    private func requireDescriptors(_ job: JobSpecification) throws {
        let limit = ProcessEnvironment.raiseOpenFileLimit()
        let needed = Handshake.neededDescriptors(nodes: job.cluster.nodes)
        guard limit > 0, limit < needed else { return }
        throw OobleckError(
            .usage,
            "this process may open \(limit) files; \(job.cluster.nodes) nodes need \(needed): "
                + "raise the limit (ulimit -n \(needed))"
        )
    }

    /// Profiles, and checks that a plan exists.
    private func prepare(
        _ job: JobSpecification,
        _ directory: RunDirectory,
        _ executables: Executables
    ) async throws -> (ModelProfile, Reconfigurator) {
        if request.profilePath == nil { display.say("profiling \(job.model.name) ...") }
        var profile = try await request.profile(directory, executables, Self.profilingDeadline)
        guard profile.layers.count == job.model.layerCount else {
            throw OobleckError(
                .inputData,
                "the profile has \(profile.layers.count) layers; "
                    + "model \(job.model.name) has \(job.model.layerCount)"
            )
        }
        profile.deviceMemory = job.cluster.deviceMemory
        try directory.write(profile)
        let reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: job.cluster.faultTolerance,
            microbatches: job.training.microbatchCount
        )
        var trial = reconfigurator
        let decision = trial.decide(
            nodes: (0..<job.cluster.nodes).map { NodeID($0) },
            holdings: [:],
            hasState: false,
            generation: 0
        )
        switch decision {
        case .plan(let document, _):
            let deadlines = Deadlines(
                budget: job.cluster.detectionBudget,
                step: document.plan.stepTime
            )
            guard let violation = deadlines.violation else { return (profile, reconfigurator) }
            throw OobleckError(.inputData, "deadlines make no sense: \(violation)")
        case .lostLayers(_, let reason): throw OobleckError(.noPlan, reason)
        case .tooFewNodes(_, _, let reason): throw OobleckError(.noPlan, reason)
        }
    }

    private func train(
        _ job: JobSpecification,
        _ coordinator: Coordinator,
        _ directory: RunDirectory,
        _ executables: Executables,
        _ socket: ListeningSocket
    ) async throws -> RunResult {
        // The system's generator cannot be predicted.
        var generator = SystemRandomNumberGenerator()
        let token = RunToken(using: &generator)
        let deadlines = Deadlines(budget: job.cluster.detectionBudget)
        try directory.write(token)
        try directory.write(
            CoordinatorEndpoint(
                host: socket.host,
                port: socket.port,
                pid: Int(getpid()),
                tls: request.tls.map { _ in true }
            )
        )
        let cluster = LocalCluster(
            executable: executables.command,
            workerExecutable: executables.worker,
            coordinator: CoordinatorAddress(host: socket.host, port: socket.port),
            tokenPath: directory.tokenPath,
            tls: request.tls,
            listenHost: socket.host,
            logsPath: directory.logsPath,
            deadlines: deadlines
        )
        let relay = NoticeRelay()
        let recording = try RunFileRecording(directory, job: job) { relay.pass($0) }
        let server = CoordinatorServer(
            coordinator: coordinator,
            detectionBudget: job.cluster.detectionBudget,
            recording: recording,
            socket: socket,
            token: token,
            tls: request.tls,
            onAddNode: { try cluster.addNode() },
            onFence: { cluster.kill($0) }
        )
        let controls = Controls(server: server, cluster: cluster)
        relay.open { [display, observer] notice in
            display.show(notice)
            observer(notice, controls)
        }
        let signals = SignalHandlers { count in
            guard count == 1 else {
                cluster.killAll()
                exit(OobleckError.Code.outOfNodes.exitStatus)
            }
            server.submit(.stopRequested(reason: "interrupted"))
        }
        defer { signals.cancel() }
        let outcome = try await run(
            server,
            cluster,
            nodes: request.startedNodes ?? job.cluster.nodes,
            deadlines
        )
        try CheckpointStore(directory, job: job).removeLeftovers()
        try directory.removeEndpoint()
        display.clear()
        if case .stopped(let error) = outcome { throw error }
        return try directory.result()
    }

    private func run(
        _ server: CoordinatorServer,
        _ cluster: LocalCluster,
        nodes: Int,
        _ deadlines: Deadlines
    ) async throws -> RunOutcome {
        defer { cluster.killAll() }
        async let outcome = server.run()
        for _ in 0..<nodes { try cluster.addNode() }
        let result = try await outcome
        try await cluster.close(within: 2 * deadlines.farewell)
        return result
    }
}
