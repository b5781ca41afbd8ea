import Foundation
import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckStoreSQLite
import OobleckTransport

/// How a run comes to have a directory, a plan and a store: a new one, one that goes on, and one that
/// was over when its coordinator died.
extension LocalRun {
    /// How long measuring a model may take; before the run, and so no matter of its deadlines.
    private static let profilingDeadline: Seconds = 600

    /// Starts a new run: its directory, its plan, its store.
    func begin(_ request: RunRequest, _ executables: Executables) async throws -> RunStart {
        let job = try request.job()
        try requireDescriptors(job)
        let socket = try ListeningSocket(host: request.listenHost, port: request.port)
        let saves = try job.checkpoint?.directory.map { try CheckpointStore(path: $0, job: job) }
        do {
            // What goes wrong in here leaves no directory behind.
            let (_, begun) = try await request.withNewDirectory(job) { directory in
                try saves?.prepare()
                let planned = try await prepare(job, request, directory, executables)
                try Task.checkCancellation()
                return try await start(job, request, directory, socket, planned)
            }
            return begun
        } catch {
            socket.discard()
            throw error
        }
    }

    /// The run's token, its store and the claim on its nodes.
    private func start(
        _ job: JobSpecification,
        _ request: RunRequest,
        _ directory: RunDirectory,
        _ socket: ListeningSocket,
        _ planned: (profile: ModelProfile, reconfigurator: Reconfigurator)
    ) async throws -> RunStart {
        let token = try RunStart.newToken(in: directory, given: request.token)
        let tls = try request.tls ?? remote?.certificates(directory)
        var shared: EtcdStore?
        if let location = request.coordination {
            let document = EtcdStore.Document(
                job: job,
                profile: planned.profile,
                configText: try directory.configText(),
                token: token
            )
            shared = try await RunStart.lead(location, directory, document, socket)
        }
        let launch = LaunchRecord(
            host: request.listenHost,
            port: request.port,
            startedNodes: request.startedNodes,
            tls: tls != nil,
            command: remote?.command
        )
        return RunStart(
            directory: directory,
            job: job,
            coordinator: Coordinator(
                job: job,
                profile: planned.profile,
                reconfigurator: planned.reconfigurator
            ),
            store: try shared ?? Self.newStore(in: directory),
            socket: socket,
            token: token,
            tls: tls,
            shared: shared,
            launch: launch
        )
    }

    private static func newStore(in directory: RunDirectory) throws -> SQLiteStore {
        let store = try SQLiteStore(path: directory.storePath)
        try store.persist(.tookOver(term: 1))
        return store
    }

    /// Sees to a run that is finished: ends nodes that still wait because its coordinator died between
    /// the result and its farewells, and says that there is nothing to do.
    ///
    /// Returns `nil` when the run goes on: it is not finished, or there are more steps to train, or
    /// another coordinator may have its nodes.
    func settle(_ request: ResumeRequest) throws -> RunDirectory? {
        let directory = try RunDirectory.open(path: request.path)
        guard directory.isFinished, !directory.isRunning else { return nil }
        if FileManager.default.fileExists(atPath: directory.endpointPath),
            try directory.coordination() == nil
        {
            try endNodes(of: directory)
        }
        let done = try directory.result().steps
        guard try !request.isMore(thanFinished: done, in: directory) else { return nil }
        display.say(
            "the run in \(directory.path) is finished after \(done) steps; it goes on with more: "
                + "\(directory.resumeCommand) --steps N"
        )
        return directory
    }

    private func endNodes(of directory: RunDirectory) throws {
        let store = try SQLiteStore(path: directory.storePath)
        let agents = try store.load().map { Array($0.livingAgents.values) } ?? []
        try store.close()
        let count = LocalCluster.end(agents, endpointPath: directory.endpointPath)
        try CheckpointStore(directory, job: directory.job()).removeLeftovers()
        try directory.removeEndpoint()
        display.say("the run was over; ended \(counted(count, "node")) that still waited")
    }

    func resume(_ request: ResumeRequest) async throws -> RunStart {
        var start = try await RunStart.resume(request)
        do {
            if let remote {
                // Nodes have ended with their launcher: none waits that speaks as it did.
                start.tls = try remote.certificates(start.directory)
                start.launch?.tls = start.tls != nil
                start.launch?.command = remote.command
                start.mayAdopt = false
            } else {
                start.tls = request.tls
                try request.requireSameTLS(start.usedTLS)
            }
            try requireDescriptors(start.job)
        } catch {
            start.socket.discard()
            throw error
        }
        let (steps, all) = (start.state?.committedSteps ?? 0, start.job.training.steps)
        display.say("resuming the run in \(start.directory.path) at step \(steps) of \(all)")
        return start
    }

    /// Throws one line when this process may not open enough files for its nodes.
    private func requireDescriptors(_ job: JobSpecification) throws {
        let limit = ProcessEnvironment.raiseOpenFileLimit()
        let needed = Handshake.neededDescriptors(
            workers: job.cluster.nodes * job.cluster.workersPerNode
        )
        guard limit > 0, limit < needed else { return }
        throw OobleckError(
            .usage,
            "this process may open \(counted(limit, "file")); \(counted(job.cluster.nodes, "node")) would take \(needed): "
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
        if request.profilePath == nil, request.measured == nil {
            display.say("profiling \(job.model.name) ...")
        }
        let measured = try await request.profile(directory, executables, Self.profilingDeadline)
        let first = try FirstPlan(job, measured, host: request.listenHost)
        try directory.write(first.profile)
        return (first.profile, first.reconfigurator)
    }
}
