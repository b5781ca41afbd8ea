import Foundation
import OobleckClock
import OobleckControl
import OobleckCoordination
import OobleckCore
import OobleckEtcd
import OobleckReconfiguration
import OobleckRecording
import OobleckRun
import OobleckStore

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

    let source: Source
    let display: RunDisplay
    /// Failures of this process to stage.
    var coordinatorFaults: [CoordinatorFault] = []
    /// Certificates of a resumed run; a new one's are in its request.
    var tls: ControlTLS?
    /// Nodes to start on this machine; all of a new run if left out.
    var startedNodes: Int?
    /// Called with all that is recorded; must be quick.
    var observer: @Sendable (RunNotice, Controls) -> Void = { _, _ in }

    /// What is trained.
    enum Source {
        case new(RunRequest)
        /// The run in this directory, from where it is.
        case resumed(path: String)
        /// A run that another coordinator led.
        case taken(RunStart)
    }

    init(
        request: RunRequest,
        display: RunDisplay,
        observer: @escaping @Sendable (RunNotice, Controls) -> Void = { _, _ in }
    ) {
        source = .new(request)
        self.display = display
        self.observer = observer
        startedNodes = request.startedNodes
        coordinatorFaults = request.faults?.coordinator ?? []
    }

    /// A run that goes on after its coordinator ended.
    init(
        resuming path: String,
        faults: [CoordinatorFault],
        tls: ControlTLS?,
        display: RunDisplay
    ) {
        source = .resumed(path: path)
        self.tls = tls
        self.display = display
        coordinatorFaults = faults
    }

    /// A run that was taken over from a coordinator that is gone.
    init(
        takingOver start: RunStart,
        startedNodes: Int,
        faults: [CoordinatorFault],
        display: RunDisplay
    ) {
        source = .taken(start)
        self.startedNodes = startedNodes
        self.display = display
        coordinatorFaults = faults
    }

    /// Trains, and returns where and what it came to.
    ///
    /// Throws one line when the run could not start, and then leaves nothing behind, or when it
    /// stopped.
    func execute() async throws -> (RunDirectory, RunResult) {
        if case .resumed(let path) = source, let directory = try settle(path) {
            return (directory, try directory.result())
        }
        let start: RunStart
        let executables = try Executables()
        switch source {
        case .new(let request): start = try await begin(request, executables)
        case .resumed(let path): start = try await resume(path)
        case .taken(let taken): start = taken
        }
        return (start.directory, try await train(start, executables))
    }

    private func begin(_ request: RunRequest, _ executables: Executables) async throws -> RunStart {
        let job = try request.job()
        try requireDescriptors(job)
        let socket = try ListeningSocket(host: request.listenHost, port: request.port)
        let saves = try job.checkpoint?.directory.map { try CheckpointStore(path: $0, job: job) }
        do {
            let (directory, (profile, reconfigurator)) = try await request.withNewDirectory(job) {
                try saves?.prepare()
                return try await prepare(job, request, $0, executables)
            }
            let token = try RunStart.newToken(in: directory)
            var shared: EtcdStore?
            if let location = request.coordination {
                let document = EtcdStore.Document(
                    job: job,
                    profile: profile,
                    configText: try directory.configText(),
                    token: token
                )
                shared = try await RunStart.lead(location, directory, document, socket)
            }
            let store: any CoordinationStore = try shared ?? Self.newStore(in: directory)
            return RunStart(
                directory: directory,
                job: job,
                coordinator: Coordinator(
                    job: job,
                    profile: profile,
                    reconfigurator: reconfigurator
                ),
                store: store,
                socket: socket,
                token: token,
                tls: request.tls,
                shared: shared
            )
        } catch {
            socket.discard()
            throw error
        }
    }

    private static func newStore(in directory: RunDirectory) throws -> SQLiteStore {
        let store = try SQLiteStore(path: directory.storePath)
        try store.persist(.tookOver(term: 1))
        return store
    }

    /// Ends the nodes of a run whose coordinator died between the result and its farewells.
    ///
    /// Returns `nil` when the run is not over, or nothing of it is left to end, or another
    /// coordinator may have its nodes.
    private func settle(_ path: String) throws -> RunDirectory? {
        let directory = try RunDirectory.open(path: path)
        guard directory.isFinished, !directory.isRunning,
            FileManager.default.fileExists(atPath: directory.endpointPath),
            try directory.coordination() == nil
        else { return nil }
        let store = try SQLiteStore(path: directory.storePath)
        let agents = try store.load().map { Array($0.livingAgents.values) } ?? []
        try store.close()
        let count = LocalCluster.end(agents, endpointPath: directory.endpointPath)
        try CheckpointStore(directory, job: directory.job()).removeLeftovers()
        try directory.removeEndpoint()
        display.say("the run was over; \(count) nodes that still waited are ended")
        return directory
    }

    private func resume(_ path: String) async throws -> RunStart {
        var start = try await RunStart.resume(path)
        start.tls = tls
        guard (tls != nil) == start.usedTLS else {
            throw OobleckError(
                .usage,
                start.usedTLS
                    ? "the run speaks TLS; name --tls-cert, --tls-key and --tls-ca again"
                    : "the run speaks plain text; leave the --tls options out"
            )
        }
        let steps = start.state?.committedSteps ?? 0
        display.say("resuming the run in \(start.directory.path) at step \(steps)")
        return start
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
        _ request: RunRequest,
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
        let reconfigurator = try RunStart.reconfigurator(job, profile)
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

    private func train(_ start: RunStart, _ executables: Executables) async throws -> RunResult {
        let (directory, job) = (start.directory, start.job)
        let deadlines = Deadlines(budget: job.cluster.detectionBudget)
        try directory.write(start.endpoint)
        let cluster = LocalCluster(
            executable: executables.command,
            workerExecutable: executables.worker,
            coordinator: CoordinatorAddress(host: start.socket.host, port: start.socket.port),
            tokenPath: directory.tokenPath,
            tls: start.tls,
            listenHost: start.socket.host,
            endpointPath: directory.endpointPath,
            coordination: start.shared?.location.description,
            logsPath: directory.logsPath,
            deadlines: deadlines
        )
        let adopted = start.state.map { state in
            cluster.adopt(start.mayAdopt ? state.livingAgents : [:], used: Array(state.nodes.keys))
        }
        let relay = NoticeRelay()
        let recording = try RunFileRecording(directory, job: job) { relay.pass($0) }
        let server = CoordinatorServer(
            coordinator: start.coordinator,
            detectionBudget: job.cluster.detectionBudget,
            recording: recording,
            store: start.store,
            faults: try start.faultInjector(coordinatorFaults),
            socket: start.socket,
            token: start.token,
            tls: start.tls,
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
        // Nodes that wait for their coordinator are not replaced; where none is left all are.
        let newNodes = (adopted ?? 0) > 0 ? 0 : (startedNodes ?? job.cluster.nodes)
        let outcome = try await run(start, server, cluster, nodes: newNodes, deadlines)
        guard start.store.mayAct else {
            display.clear()
            throw OobleckError(
                .outOfNodes,
                "this coordinator leads the run no more: its lease ran out, and another may have "
                    + "taken over; the nodes are left to that one"
            )
        }
        try start.shared?.conclude("\(outcome)")
        try start.store.close()
        try CheckpointStore(directory, job: job).removeLeftovers()
        try directory.removeEndpoint()
        display.clear()
        if case .stopped(let error) = outcome { throw error }
        return try directory.result()
    }

    private func run(
        _ start: RunStart,
        _ server: CoordinatorServer,
        _ cluster: LocalCluster,
        nodes: Int,
        _ deadlines: Deadlines
    ) async throws -> RunOutcome {
        defer { cluster.killAll() }
        async let outcome = server.run()
        for _ in 0..<nodes { try cluster.addNode() }
        let result = try await outcome
        // Another coordinator has the nodes now.
        guard start.store.mayAct else {
            cluster.abandon()
            return result
        }
        try await cluster.close(within: 2 * deadlines.farewell)
        return result
    }
}
