import Foundation
import OobleckClock
import OobleckConsole
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
        // Nodes that wait for their coordinator are not replaced; where none is left all are.
        let newNodes = (adopted ?? 0) > 0 ? 0 : (startedNodes ?? job.cluster.nodes)
        noteMissing(start, server)
        let signals = ProcessSignals.shared
        let outcome = try await signals.handling {
            obey($0, controls)
        } during: {
            try await run(start, server, cluster, nodes: newNodes, deadlines)
        }
        guard start.store.mayAct else {
            display.clear()
            throw OobleckError.deposed
        }
        try start.shared?.conclude("\(outcome)")
        try start.store.close()
        try CheckpointStore(directory, job: job).removeLeftovers()
        try directory.removeEndpoint()
        display.clear()
        if case .stopped(let error) = outcome { throw error }
        return try directory.result()
    }

    /// Does what a signal asks.
    private func obey(_ request: ProcessSignals.Request, _ controls: Controls) {
        switch request {
        case .stop:
            display.say(RunDisplay.stopping)
            let reason = Interruption(isRun: true).description
            controls.server.submit(.stopRequested(reason: reason))
        case .stopNow:
            controls.cluster.killAll()
            Interruption.endAtOnce(isRun: true)
        case .save: controls.server.submit(.saveRequested)
        }
    }

    /// Where no other machine can reach the run, an agent that is not here any more is nowhere: nobody
    /// has to wait for it.
    private func noteMissing(_ start: RunStart, _ server: CoordinatorServer) {
        let address = CoordinatorAddress(host: start.socket.host, port: start.socket.port)
        guard start.mayAdopt, address.isLoopback, let state = start.state else { return }
        for node in LocalCluster.missing(state.livingAgents) {
            let evidence = "its agent ended while there was no coordinator"
            server.submit(.nodeLost(node, evidence: evidence))
        }
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
