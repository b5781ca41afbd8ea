import Foundation
import OobleckClock
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckData
import OobleckReconfiguration
import OobleckRecording
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckStoreSQLite
import OobleckTransport

/// A run whose coordinator is this process and whose nodes are processes of this machine, or of those
/// that it starts them on.
package struct LocalRun {
    /// What can be done to a run while it goes.
    package struct Controls: Sendable {
        package let server: CoordinatorServer
        package let cluster: any NodeLauncher

        /// The nodes, where they are processes of this machine.
        package var localCluster: LocalCluster? { cluster as? LocalCluster }

        /// Ends a node's processes with SIGKILL, and tells the coordinator when, not that.
        package func kill(_ node: NodeID) {
            let now = MonotonicTime.now
            if cluster.kill(node) { server.noteKill(node, at: now) }
        }
    }

    let source: Source
    package let display: RunDisplay
    /// Failures of this process to stage.
    var coordinatorFaults: [CoordinatorFault] = []
    /// Nodes to start on this machine; all of a new run if left out.
    var startedNodes: Int?
    /// How nodes are started on other machines; `nil` is on this one.
    package var remote: RemoteNodes?
    /// The agent of node n serves its metrics at this port + n; `nil` is not at all.
    package var agentMetricsPort: Int?
    /// Called with all that is recorded; must be quick.
    var observer: @Sendable (RunUpdate, Controls) -> Void = { _, _ in }

    /// Those who follow the run from its start, each on a thread of its own.
    package var followers: [RunFollower] = []

    /// What is trained.
    enum Source {
        case new(RunRequest)
        /// A run that goes on from where it is.
        case resumed(ResumeRequest)
        /// A run that another coordinator led.
        case taken(RunStart)
    }

    package init(
        request: RunRequest,
        display: RunDisplay,
        observer: @escaping @Sendable (RunUpdate, Controls) -> Void = { _, _ in }
    ) {
        source = .new(request)
        self.display = display
        self.observer = observer
        startedNodes = request.startedNodes
        coordinatorFaults = request.faults?.coordinator ?? []
    }

    /// A run that goes on after its coordinator ended.
    package init(resuming request: ResumeRequest, faults: [CoordinatorFault], display: RunDisplay) {
        source = .resumed(request)
        self.display = display
        coordinatorFaults = faults
    }

    /// A run that was taken over from a coordinator that is gone.
    package init(
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
    package func execute() async throws -> (RunDirectory, RunResult) {
        var run = self
        while true {
            switch try await run.attempt() {
            case .finished(let directory, let result): return (directory, result)
            case .deposed(let lead):
                try await lead.waitUntilVacant()
                display.say("the lease of the run ran out and no other process leads it: resuming")
                run = LocalRun(resuming: lead.request, faults: [], display: display)
                (run.remote, run.agentMetricsPort) = (remote, agentMetricsPort)
                (run.observer, run.followers) = (observer, followers)
            }
        }
    }

    private enum Attempt {
        case finished(RunDirectory, RunResult)
        case deposed(LostLead)
    }

    private func attempt() async throws -> Attempt {
        if case .resumed(let request) = source, let directory = try settle(request) {
            return .finished(directory, try directory.result())
        }
        let start: RunStart
        let executables = try Executables()
        switch source {
        case .new(let request): start = try await begin(request, executables)
        case .resumed(let request): start = try await resume(request)
        case .taken(let taken): start = taken
        }
        do {
            return .finished(start.directory, try await train(start, executables))
        } catch let error as OobleckError where error == .deposed {
            guard let lead = LostLead(start) else { throw error }
            start.directory.release()
            return .deposed(lead)
        }
    }

    private func train(_ start: RunStart, _ executables: Executables) async throws -> RunResult {
        let (directory, job) = (start.directory, start.job)
        let deadlines = Deadlines(budget: job.cluster.detectionBudget)
        try directory.write(start.endpoint)
        // The launcher is made before its coordinator's server, and needs it only once it has nodes.
        let departures = AgentExitRelay()
        let numbers = NumberRelay()
        if let launch = start.launch { try directory.write(launch) }
        let (cluster, adopted) = try launcher(start, executables, departures, numbers)
        display.begin(job)
        let relay = UpdateRelay()
        let recording = try RunFileRecording(directory, job: job) { relay.pass($0) }
        for follower in followers { recording.observers.add(follower(directory, job)) }
        let (staffed, newNodes) = staff(start, adopted: adopted)
        var coordinator = staffed
        // A node that is started by hand meanwhile gets another number.
        let nodes = (0..<newNodes).map { _ in coordinator.reserve() }
        let server = CoordinatorServer(
            coordinator: coordinator,
            recording: recording,
            store: start.store,
            faults: try start.faultInjector(coordinatorFaults),
            socket: start.socket,
            token: start.token,
            tls: start.tls,
            onAddNode: { try cluster.start($0) },
            isOwnAgent: { cluster.isOwn($0, agentPID: $1) },
            onFence: { cluster.kill($0) }
        )
        numbers.open { await server.reserveNode() }
        departures.open { server.submit(.agentEnded($0, evidence: $1)) }
        let controls = Controls(server: server, cluster: cluster)
        relay.open { [display, observer] update in
            display.show(update)
            observer(update, controls)
        }
        noteMissing(start, server)
        let signals = ProcessSignals.shared
        let outcome = try await signals.handling {
            obey($0, controls)
        } during: {
            try await run(start, server, cluster, nodes: nodes, deadlines)
        }
        guard start.store.mayAct else {
            display.clear()
            throw OobleckError.deposed
        }
        if case .abandoned(let error) = outcome {
            // As if this process had died; a standby need not wait for the end of our lease.
            tidy { try start.store.close() }
            display.clear()
            throw error
        }
        tidy { try start.store.close() }
        tidy { try CheckpointStore(directory, job: job).removeLeftovers() }
        tidy { try directory.removeEndpoint() }
        display.clear()
        if case .stopped(let error) = outcome { throw Self.resumable(error, directory) }
        return try directory.result()
    }

    /// What starts the nodes, and how many of an earlier coordinator's it took over.
    private func launcher(
        _ start: RunStart,
        _ executables: Executables,
        _ departures: AgentExitRelay,
        _ numbers: NumberRelay
    ) throws -> (any NodeLauncher, adopted: Int) {
        let directory = start.directory
        let deadlines = Deadlines(budget: start.job.cluster.detectionBudget)
        let address = CoordinatorAddress(host: start.socket.host, port: start.socket.port)
        if let remote {
            let site = LaunchSite(
                directory: directory,
                job: start.job,
                coordinator: address,
                token: start.token,
                deadlines: deadlines,
                metricsPort: agentMetricsPort,
                onExit: { departures.pass($0, evidence: $1) },
                reserve: { await numbers.next() },
                say: { [display] in display.say($0) }
            )
            return (try remote.launcher(site), 0)
        }
        let cluster = LocalCluster(
            executable: executables.command,
            workerExecutable: executables.worker,
            coordinator: address,
            tokenPath: directory.tokenPath,
            tls: start.tls,
            listenHost: start.socket.host,
            endpointPath: directory.endpointPath,
            coordination: start.shared?.location.text,
            logsPath: directory.logsPath,
            deadlines: deadlines,
            metricsPort: agentMetricsPort,
            onExit: { departures.pass($0, evidence: $1) }
        )
        let adopted = start.state.map { state in
            cluster.adopt(start.mayAdopt ? state.livingAgents : [:], used: Array(state.nodes.keys))
        }
        return (cluster, adopted ?? 0)
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

    /// Does what is left to do once the run's result is kept: trouble with it is told, and changes
    /// nothing.
    private func tidy(_ body: () throws -> Void) {
        do { try body() } catch { display.say("\(fileReason(error))") }
    }

    /// The coordinator, and how many nodes to start for it, when `adopted` wait on this machine.
    private func staff(_ start: RunStart, adopted: Int) -> (Coordinator, newNodes: Int) {
        var coordinator = start.coordinator
        coordinator.hasStandby = start.shared != nil
        let staffing = staffing(start, adopted: adopted)
        coordinator.awaitsOthers = staffing.awaitsOthers
        if let count = staffing.expectedNewcomers { coordinator.expectNewcomers(count) }
        return (coordinator, staffing.newNodes)
    }

    private func staffing(_ start: RunStart, adopted: Int) -> RunStaffing {
        let job = start.job
        guard case .resumed(let request) = source, let launch = start.launch else {
            return RunStaffing(
                wanted: job.cluster.nodes,
                startedNodes: startedNodes,
                adopted: adopted
            )
        }
        let isAlone = CoordinatorAddress(host: start.socket.host, port: 0).isLoopback
        return RunStaffing(
            resuming: request,
            job,
            launch,
            adopted: adopted,
            mayHaveOthers: !isAlone && start.state?.livingAgents.isEmpty == false
        )
    }

    /// The last words of a run that can go on say how.
    private static func resumable(_ error: OobleckError, _ directory: RunDirectory) -> OobleckError
    {
        guard [.outOfNodes, .storage].contains(error.code) else { return error }
        return OobleckError(
            error.code,
            "\(error.message); go on with: \(directory.resumeCommand)"
        )
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
        _ cluster: any NodeLauncher,
        nodes: [NodeID],
        _ deadlines: Deadlines
    ) async throws -> RunOutcome {
        defer { cluster.killAll() }
        async let outcome = server.run()
        for node in nodes { try cluster.start(node) }
        let result = try await outcome
        // The nodes wait for another coordinator, or have one.
        var isAbandoned = !start.store.mayAct
        if case .abandoned = result { isAbandoned = true }
        guard !isAbandoned else {
            cluster.abandon()
            return result
        }
        try await cluster.close(within: 2 * deadlines.farewell)
        return result
    }
}
