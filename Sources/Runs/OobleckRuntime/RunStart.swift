import Foundation
import OobleckCoordination
import OobleckCore
import OobleckData
import OobleckReconfiguration
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckStoreSQLite
import OobleckTransport

/// What a coordinator starts with, in a new run or in one that goes on.
package struct RunStart {
    let directory: RunDirectory
    let job: JobSpecification
    let coordinator: Coordinator
    let store: any CoordinationStore
    let socket: ListeningSocket
    let token: RunToken
    /// Certificates for control messages; `nil` is plain text.
    var tls: ControlTLS?
    /// Whether the last coordinator spoke TLS only.
    var usedTLS = false
    /// What an earlier coordinator kept; `nil` in a new run.
    var state: DurableState?
    /// The run's state where others can take it up; `nil` when it is in the directory.
    var shared: EtcdStore?
    /// How the run was started, and is if it has to be again.
    var launch: LaunchRecord?
    /// Whether nodes that an earlier coordinator started may be children of this machine.
    var mayAdopt = true

    var endpoint: CoordinatorEndpoint {
        CoordinatorEndpoint(
            host: socket.host,
            port: socket.port,
            pid: Int(getpid()),
            tls: tls.map { _ in true }
        )
    }

    /// Stages deaths of this process, each once in the life of the run.
    func faultInjector(_ faults: [CoordinatorFault]) throws -> CoordinatorFaultInjector {
        let path = directory.stagedFaultsPath
        let past = try pastFaults()
        return CoordinatorFaultInjector(
            remainingFaults(faults, past: past),
            committedSteps: state?.committedSteps ?? 0
        ) { fault in
            let lines = (past + [fault.description]).joined(separator: "\n") + "\n"
            // This process is about to die; whether that is noted is seen when the run goes on.
            _ = FileManager.default.createFile(atPath: path, contents: Data(lines.utf8))
        }
    }

    /// Staged deaths of earlier coordinators of the run.
    func pastFaults() throws -> [String] {
        let path = directory.stagedFaultsPath
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try TextFile.read(path).split(separator: "\n").map(String.init)
    }

    /// Those that have not happened.
    func remainingFaults(_ faults: [CoordinatorFault], past: [String]) -> [CoordinatorFault] {
        faults.filter { !past.contains($0.description) }
    }

    /// What decides a run's plans.
    ///
    /// Where the coordinator listens at `host` for this machine alone, all nodes share its cores.
    static func reconfigurator(
        _ job: JobSpecification,
        _ profile: ModelProfile,
        host: String
    ) throws -> Reconfigurator {
        let isLocal = CoordinatorAddress(host: host, port: 0).isLoopback
        return try Reconfigurator(
            profile: profile,
            costModel: job.cluster.planningCostModel,
            faultTolerance: job.cluster.faultTolerance,
            microbatches: job.training.microbatchCount,
            devicesPerNode: job.cluster.workersPerNode,
            sharesStages: false,
            cores: isLocal ? MachineCores.available : nil
        )
    }

    /// Leaves a run's token in its directory: the `given` one, or else a new one.
    static func newToken(in directory: RunDirectory, given: RunToken? = nil) throws -> RunToken {
        let token = given ?? .random()
        try directory.write(token)
        return token
    }

    /// The run's token: nodes that wait for a coordinator know no other.
    static func token(of directory: RunDirectory, given: RunToken? = nil) throws -> RunToken {
        guard given == nil, FileManager.default.fileExists(atPath: directory.tokenPath) else {
            return try newToken(in: directory, given: given)
        }
        return try directory.token()
    }
}

extension RunStart {
    /// The run that is to go on, from what its last coordinator kept in its directory or in etcd.
    ///
    /// Throws one line.
    static func resume(_ request: ResumeRequest) async throws -> RunStart {
        let isExtended = request.steps != nil
        let directory = try RunDirectory.resume(path: request.path, isExtended: isExtended)
        guard let text = try directory.coordination() else {
            return try RunStart(directory, request)
        }
        let location = try EtcdLocation(parsing: text, run: "run")
        return try await resume(directory, request, in: location)
    }

    /// The run in `directory`, from what its last coordinator kept there.
    private init(_ directory: RunDirectory, _ request: ResumeRequest) throws {
        let profile = try directory.profile()
        let store = try SQLiteStore(path: directory.storePath)
        var state = try store.load() ?? DurableState()
        try Self.reconcile(&state, with: directory, store)
        let job = try Self.takeUp(directory, request, committed: state.committedSteps)
        let last = Self.lastEndpoint(directory)
        try Self.takeOver(&state, store, isOrphaned: last != nil && !request.nodesHaveEnded)
        if request.acceptsOtherArithmetic {
            try store.persist(.computing(nil))
            state.apply(.computing(nil))
        }
        let launch = request.launch(after: try directory.launch(), last)
        let socket = try Self.socket(launch, last, isGiven: request.port != nil)
        self.init(
            directory: directory,
            job: job,
            coordinator: try Coordinator(
                restoring: state,
                savedStep: try Self.savedStep(directory, job, state),
                job: job,
                profile: profile,
                reconfigurator: try Self.reconfigurator(job, profile, host: socket.host)
            ),
            store: store,
            socket: socket,
            token: try Self.token(of: directory, given: request.token),
            usedTLS: try last?.tls ?? directory.launch()?.tls ?? false,
            state: state,
            launch: launch
        )
    }

    /// Has the run in `directory` go on as it is asked to; returns its job from now on.
    static func takeUp(
        _ directory: RunDirectory,
        _ request: ResumeRequest,
        committed: Int
    ) throws -> JobSpecification {
        let old = try directory.job()
        let job = try request.changed(old, in: directory, committed: committed)
        if request.nodes != nil {
            let host = request.launch(after: try directory.launch(), lastEndpoint(directory)).host
            _ = try FirstPlan(job, try directory.profile(), host: host)
        }
        // The job first: a result of fewer steps than the job has does not count.
        if job != old { try directory.write(job) }
        try directory.removeResult()
        return job
    }

    /// Begins the next coordinator's term.
    ///
    /// The nodes of a run that ended in order have been told to leave; those of one that `isOrphaned`
    /// may wait.
    static func takeOver(
        _ state: inout DurableState,
        _ store: any CoordinationStore,
        isOrphaned: Bool
    ) throws {
        for change in state.succession(isOrphaned: isOrphaned) {
            try store.persist(change)
            state.apply(change)
        }
    }

    /// The step of the newest checkpoint that counts.
    static func savedStep(
        _ directory: RunDirectory,
        _ job: JobSpecification,
        _ state: DurableState
    ) throws -> Int? {
        let store = try CheckpointStore(directory, job: job)
        let limit = state.committedSteps
        return store.newest(atMost: limit, corpusDigest: nil, excluding: []).point?.step
    }

    /// Makes ledger and store agree again: see ``HistoryReconciliation``.
    static func reconcile(
        _ state: inout DurableState,
        with directory: RunDirectory,
        _ store: any CoordinationStore
    ) throws {
        let history = try LedgerEnd.history(path: directory.ledgerPath)
        let missing = HistoryReconciliation(store: state, ledger: history)
        if !missing.entries.isEmpty {
            let recorder = try RunRecorder(directory)
            for entry in missing.entries { try recorder.append(entry) }
        }
        for change in missing.changes {
            try store.persist(change)
            state.apply(change)
        }
    }

    /// Where the last coordinator listened; remote agents know no other place.
    static func lastEndpoint(_ directory: RunDirectory) -> CoordinatorEndpoint? {
        do { return try directory.endpoint() } catch { return nil }
    }

    /// Listens where the run does from now on: at its last port if that is free and no other `isGiven`.
    static func socket(
        _ launch: LaunchRecord,
        _ last: CoordinatorEndpoint?,
        isGiven: Bool
    ) throws -> ListeningSocket {
        let host = launch.host
        guard !isGiven, let last, last.host == host else {
            return try ListeningSocket(host: host, port: launch.port)
        }
        do {
            return try ListeningSocket(host: host, port: last.port)
        } catch {
            // Somebody has the port now; local nodes find the new one in the run directory.
            return try ListeningSocket(host: host, port: launch.port)
        }
    }
}

extension DurableState {
    /// Agents of nodes that are not out.
    var livingAgents: [NodeID: Int] { nodes.filter { !$0.value.isOut }.mapValues(\.agentPID) }

    /// What begins the next coordinator's term; see ``RunStart/takeOver(_:_:isOrphaned:)``.
    func succession(isOrphaned: Bool) -> [DurableChange] {
        let gone = isOrphaned ? [] : livingAgents.keys.sorted()
        return [.tookOver(term: term + 1)]
            + gone.map { .left($0, hasFailed: false, as: .done) }
    }
}
