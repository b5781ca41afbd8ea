import Foundation
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckTransport

/// A run whose state is kept in etcd, so that a coordinator on any machine can go on with it.
extension RunStart {
    /// Begins to lead the new run in `directory`.
    ///
    /// Throws `.usage` when etcd has a run of this name already.
    static func lead(
        _ location: EtcdLocation,
        _ directory: RunDirectory,
        _ document: EtcdStore.Document,
        _ socket: ListeningSocket
    ) async throws -> EtcdStore {
        let taken = OobleckError(
            .usage,
            "etcd has a run \(location.run) already; choose another /RUN in --coordination, or take "
                + "part in that one with --standby"
        )
        guard try await EtcdStore.document(location) == nil else { throw taken }
        let budget = document.job.cluster.detectionBudget
        let store = try await EtcdStore.lead(location, as: leader(socket), budget: budget)
        guard let store else { throw taken }
        // Another may have led it meanwhile. What there is without a document is of a start that was
        // cut off before it had any node.
        guard try await EtcdStore.document(location) == nil else {
            try store.close()
            throw taken
        }
        try store.persist(.tookOver(term: 1))
        try store.put(document)
        try directory.write(coordination: location.text)
        return store
    }

    /// Waits until this process leads the run at `location`, and goes on with it in a directory of
    /// its own.
    ///
    /// Returns `nil` when the run ended under another coordinator, or `isOver` says so.
    static func standBy(
        _ request: Standby.Request,
        isOver: @escaping @Sendable () -> Bool
    ) async throws -> RunStart? {
        let location = request.location
        // A standby that could not record the run must not win it.
        try RunDirectory.requireNew(request.runDirectoryPath)
        guard let document = try await EtcdStore.document(location) else {
            throw OobleckError(.usage, "etcd has no run \(location.run) to stand by for")
        }
        let socket = try ListeningSocket(host: request.listenHost, port: request.port)
        do {
            let store = try await EtcdStore.lead(
                location,
                as: leader(socket),
                budget: document.job.cluster.detectionBudget,
                isOver: isOver
            )
            guard let store else {
                socket.discard()
                return nil
            }
            let directory = try RunDirectory.create(
                path: request.runDirectoryPath,
                job: document.job,
                configText: document.configText
            )
            try directory.write(document.profile)
            try directory.write(RunToken(parsing: document.token))
            try directory.write(coordination: location.text)
            var start = try goOn(directory, document, store, socket)
            start.tls = request.tls
            start.mayAdopt = false
            return start
        } catch {
            socket.discard()
            throw error
        }
    }

    /// Goes on with the run in `directory`, whose coordinator on this machine has ended, unless
    /// another leads it.
    static func resume(
        _ directory: RunDirectory,
        _ request: ResumeRequest,
        in location: EtcdLocation
    ) async throws -> RunStart {
        guard var document = try await EtcdStore.document(location) else {
            throw OobleckError(.inputData, "\(location) does not have this run any more")
        }
        let last = lastEndpoint(directory)
        let launch = request.launch(after: try directory.launch(), last)
        let socket = try socket(launch, last, isGiven: request.port != nil)
        do {
            // One that was stopped goes on, and one that is finished if there is more to do.
            let isMore = request.steps.map { $0 > document.job.training.steps } ?? false
            try await EtcdStore.reopen(location, isFinishedToo: isMore)
            let store = try await EtcdStore.lead(
                location,
                as: leader(socket),
                budget: document.job.cluster.detectionBudget,
                isOver: { ProcessSignals.shared.stopSignal != nil }
            )
            guard let store else {
                throw OobleckError(.usage, "the run went on elsewhere and is over")
            }
            if request.acceptsOtherArithmetic { try store.persist(.computing(nil)) }
            let committed = store.load()?.committedSteps ?? 0
            let job = try takeUp(directory, request, committed: committed)
            if job != document.job {
                document.job = job
                try store.put(document)
            }
            var start = try goOn(directory, document, store, socket, isOrphaned: last != nil)
            start.usedTLS = try last?.tls ?? directory.launch()?.tls ?? false
            start.launch = launch
            return start
        } catch {
            socket.discard()
            throw error
        }
    }

    private static func goOn(
        _ directory: RunDirectory,
        _ document: EtcdStore.Document,
        _ store: EtcdStore,
        _ socket: ListeningSocket,
        isOrphaned: Bool = true
    ) throws -> RunStart {
        try catchUp(directory, with: store)
        var state = store.load() ?? DurableState()
        try takeOver(&state, store, isOrphaned: isOrphaned)
        return RunStart(
            directory: directory,
            job: document.job,
            coordinator: try Coordinator(
                restoring: state,
                takesOver: true,
                savedStep: try savedStep(directory, document.job, state),
                job: document.job,
                profile: document.profile,
                reconfigurator: try reconfigurator(
                    document.job,
                    document.profile,
                    host: socket.host
                )
            ),
            store: store,
            socket: socket,
            token: try token(of: directory),
            state: state,
            shared: store
        )
    }

    /// Adds to the directory's ledger what other coordinators have added to etcd's.
    private static func catchUp(_ directory: RunDirectory, with store: EtcdStore) throws {
        let recorder = try RunRecorder(directory)
        let new = try newLines(
            of: try store.ledger(),
            known: try directory.ledgerLineCount(),
            path: directory.ledgerPath
        )
        for line in new { try recorder.append(line) }
    }

    /// What a ledger file at `path` with `known` lines lacks of the ledger in etcd.
    ///
    /// Throws `.storage` when it has more.
    static func newLines(
        of ledger: [HistoryEntry],
        known: Int,
        path: String
    ) throws -> [HistoryEntry] {
        guard known <= ledger.count else {
            throw OobleckError(
                .storage,
                "\(path) has \(counted(known, "line")), and etcd \(ledger.count)"
            )
        }
        return Array(ledger[known...])
    }

    private static func leader(_ socket: ListeningSocket) -> EtcdLeader {
        EtcdLeader(host: socket.host, port: socket.port, id: UUID().uuidString)
    }
}
