import Foundation
import GRPCCore
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire
import Synchronization

/// A node's supervisor: joins a run, starts a worker on each of the node's devices, says at once when one
/// is gone, and sees to it that none outlives the run.
package struct Agent: Sendable {
    let coordinator: CoordinatorLocator
    let token: RunToken
    let tokenPath: String
    let tls: ControlTLS?
    let node: NodeID?
    let workerExecutable: String
    let workerArguments: [String]
    let logPath: String?
    let listenHost: String
    let sharesMachine: Bool
    let deadlines: Deadlines
    let name: String?
    let version: String
    /// Has the node leave in order.
    package let departure: Departure
    /// What it has done and heard.
    package let tally = AgentTally()
    private let workers = WorkerHolder()

    /// An agent.
    ///
    /// - Parameters:
    ///   - coordinator: Where the run's coordinator listens.
    ///   - token: What the coordinator wants to see.
    ///   - tokenPath: The file that has it, for the worker to read.
    ///   - tls: Certificates for the control messages of agent and worker; `nil` is plain text.
    ///   - node: The number to join as; `nil` takes the next free one.
    ///   - workerExecutable: What to run as a worker.
    ///   - workerArguments: How a worker finds the coordinator.
    ///   - logPath: File to which the workers' output is added; `nil` is ours.
    ///   - listenHost: Address at which workers listen for the other workers.
    ///   - sharesMachine: Whether other nodes of the run are on this machine.
    ///   - deadlines: What the run's detection budget is taken to be before the run has said so.
    ///   - name: What the node calls itself whenever it joins; `nil` takes the machine's name, with
    ///     the number that it joins as.
    ///   - version: The version of the program that it says it is.
    ///   - departure: Has it leave in order.
    package init(
        coordinator: CoordinatorLocator,
        token: RunToken,
        tokenPath: String,
        tls: ControlTLS? = nil,
        node: NodeID?,
        workerExecutable: String,
        workerArguments: [String],
        logPath: String?,
        listenHost: String = "127.0.0.1",
        sharesMachine: Bool = false,
        deadlines: Deadlines = .standard,
        name: String? = nil,
        version: String = programVersion,
        departure: Departure = Departure()
    ) {
        self.coordinator = coordinator
        self.token = token
        self.tokenPath = tokenPath
        self.tls = tls
        self.node = node
        self.workerExecutable = workerExecutable
        self.workerArguments = workerArguments
        self.logPath = logPath
        self.listenHost = listenHost
        self.sharesMachine = sharesMachine
        self.deadlines = deadlines
        self.name = name
        self.version = version
        self.departure = departure
    }

    /// Serves until the run is over, or does not need the node any more; returns why it left.
    ///
    /// Throws one line when the node is refused or put out, or the coordinator or a worker is
    /// gone; in any case all workers are gone afterwards.
    @discardableResult
    package func run() async throws -> String {
        defer { workers.kill() }
        let events = EventRelay()
        let number = node.map { "/\($0)" } ?? ""
        let logic = AgentSession(
            hello: SessionHello(
                node: node,
                pid: Int(getpid()),
                nodeName: name ?? ProcessEnvironment.hostName + number,
                machine: ProcessEnvironment.machine,
                programVersion: version,
                openFileLimit: ProcessEnvironment.raiseOpenFileLimit()
            ),
            deadlines: deadlines,
            hasStandby: coordinator.hasStandby,
            now: MonotonicTime.now
        )
        let node = Mutex(node)
        let driver = SessionDriver(
            logic,
            open: { [coordinator, token, tls, tally] attempt in
                tally.change { $0.attempts += 1 }
                defer { tally.noteClosed() }
                try await coordinator.address().withClient(token: token, tls: tls) { client in
                    let client = WireControlPlane.Client(wrapping: client)
                    try await Self.converse(
                        client,
                        node: { node.withLock { $0 } },
                        attempt,
                        tally
                    )
                }
            },
            act: { action in
                switch action {
                case .startWorkers(let number, let devices, let budget, let level):
                    node.withLock { $0 = number }
                    tally.change { $0.node = number }
                    start(devices, of: number, budget: budget, level, events)
                case .killWorkers: workers.kill()
                case .dismissWorkers: workers.dismiss()
                }
            }
        )
        events.open { driver.local($0) }
        departure.onRequest { [tally] reason in
            tally.change { $0.isLeaving = true }
            events.pass(.departure(reason: reason))
        }
        let ending = await driver.run()
        if workers.isDismissed { try await workers.leave(within: deadlines.farewell) }
        switch ending {
        case .inOrder(let reason): return reason
        case .failed(let error): throw error
        }
    }

    /// Ends the node's workers at once, and lets no other start: for exits that cannot wait.
    package func killWorkers() { workers.kill() }

    private static func converse<Transport: ClientTransport>(
        _ client: WireControlPlane.Client<Transport>,
        node: @Sendable @escaping () -> NodeID?,
        _ attempt: SessionAttempt<AgentInstruction, AgentReport>,
        _ tally: AgentTally
    ) async throws {
        try await client.agentSession(
            options: .session,
            requestProducer: { writer in
                attempt.opened()
                for await report in attempt.reports.elements {
                    switch report {
                    case .hello(let hello): try await writer.write(WireAgentReport(hello: hello))
                    case .report(let report):
                        guard let node = node() else { continue }
                        try await writer.write(WireAgentReport(report, node: node))
                        if case .heartbeat = report { tally.change { $0.heartbeatsSent += 1 } }
                    }
                }
            },
            onResponse: { response in
                for try await directive in response.messages {
                    let instruction = try directive.instruction()
                    tally.noteHeard(instruction)
                    attempt.received(instruction)
                }
            }
        )
    }

    /// Where a worker leaves what it did in its last steps: beside the node's log.
    private func tracing(_ device: Int) -> [String: String] {
        let isOff = ProcessInfo.processInfo.environment["OOBLECK_TRACE"] == "off"
        guard !isOff, let logPath, logPath.hasSuffix(".log") else { return [:] }
        let suffix = device == 0 ? "" : "-\(device)"
        return ["OOBLECK_TRACE": "\(logPath.dropLast(4))\(suffix).trace"]
    }

    /// Starts a worker on each device of the node.
    private func start(
        _ devices: Int,
        of node: NodeID,
        budget: Seconds,
        _ level: CPULevel?,
        _ events: EventRelay
    ) {
        do {
            try workers.start(devices) { device in
                let memory = MemoryWatch()
                let log = ProcessLog(logPath)
                let name = devices > 1 ? "its worker of device \(device)" : "its worker"
                let process = try ChildProcess.spawn(
                    workerExecutable,
                    arguments(WorkerID(node, device: device), of: devices, budget),
                    environment: environment(device, of: devices, level),
                    group: .parents,
                    holdsInput: true,
                    logPath: logPath
                ) { [tally] exit in
                    let wasKilledForMemory = exit == .signal(SIGKILL) && memory.sawKill()
                    tally.noteExit(of: device, .init(exit, wasKilledForMemory: wasKilledForMemory))
                    guard workers.noteExit(exit) else { return }
                    events.pass(Self.report(exit, of: name, wasKilledForMemory, log))
                }
                tally.change { $0.workers[device] = process.pid }
                memory.start(pid: process.pid)
                return process
            }
        } catch let error as OobleckError {
            events.pass(.workerFailed(error))
        } catch {
            events.pass(.workerFailed(OobleckError(.internalFault, "\(error)")))
        }
    }

    private func environment(
        _ device: Int,
        of devices: Int,
        _ level: CPULevel?
    ) -> [String: String] {
        let list = ProcessInfo.processInfo.environment["CUDA_VISIBLE_DEVICES"]
        return ChildProcess.computing(at: level)
            .merging(tracing(device)) { $1 }
            .merging(ProcessEnvironment.visibleDevice(device, of: devices, list: list)) { $1 }
    }

    private func arguments(_ worker: WorkerID, of devices: Int, _ budget: Seconds) -> [String] {
        let device = worker.device == 0 ? [] : ["--device", "\(worker.device)"]
        return [
            "worker", "--token-file", tokenPath, "--node", worker.node.description, "--host",
            listenHost, "--detection-budget", "\(budget.value)",
        ] + device + workerArguments
            + (sharesMachine || devices > 1 ? ["--shares-machine"] : [])
            + (tls?.arguments ?? [])
    }
}

extension Agent {
    /// What the end of a worker means.
    private static func report(
        _ exit: ChildProcess.Exit,
        of worker: String,
        _ wasKilledForMemory: Bool,
        _ log: ProcessLog
    ) -> AgentSession.Local {
        // The worker hears of its node's loss by itself, perhaps before we do.
        guard exit != .status(OobleckError.Code.outOfNodes.exitStatus) else {
            let what = "\(worker) was put out of the run, or found no coordinator any more"
            let said = log.lastWords.map { " (it said: \($0))" } ?? ""
            return .workerExited(evidence: what + said, inOrder: false)
        }
        let ending = log.ending(exit, wasKilledForMemory: wasKilledForMemory)
        return .workerExited(
            evidence: "\(worker) \(ending.text)",
            // A worker that was told to leave does so with status 0.
            inOrder: exit == .status(0),
            isOutOfMemory: ending.isOutOfMemory
        )
    }
}

/// Passes what happens on the node on to a session that is made later.
private final class EventRelay: Sendable {
    private let receiver = Mutex<(@Sendable (AgentSession.Local) -> Void)?>(nil)

    func open(_ receiver: @escaping @Sendable (AgentSession.Local) -> Void) {
        self.receiver.withLock { $0 = receiver }
    }

    func pass(_ event: AgentSession.Local) {
        let receiver = receiver.withLock { $0 }
        receiver?(event)
    }
}

/// The agent's workers, once they are started.
private final class WorkerHolder: Sendable {
    private struct State {
        var processes: [ChildProcess] = []
        /// Those that have left because they were told to.
        var left = 0
        var isOver = false
        var isDismissed = false
    }

    private let state = Mutex(State())

    /// Whether the workers may leave by themselves.
    var isDismissed: Bool { state.withLock { $0.isDismissed } }

    func start(_ count: Int, _ spawn: (Int) throws -> ChildProcess) throws {
        try state.withLock { state in
            guard !state.isOver, state.processes.isEmpty else { return }
            for device in 0..<count { state.processes.append(try spawn(device)) }
        }
    }

    /// Whether this end of a worker is news: one that left in order is when it was the last.
    func noteExit(_ exit: ChildProcess.Exit) -> Bool {
        state.withLock { state in
            guard exit == .status(0) else { return true }
            state.left += 1
            return state.left == state.processes.count
        }
    }

    /// Lets no other worker start.
    func dismiss() {
        state.withLock { state in
            state.isOver = true
            state.isDismissed = true
        }
    }

    /// Ends the workers at once, and lets no other start.
    func kill() {
        state.withLock { state in
            state.isOver = true
            for process in state.processes { _ = process.signal(SIGKILL) }
        }
    }

    /// Lets the workers leave by themselves, and ends those that take too long.
    func leave(within time: Seconds) async throws {
        let deadline = MonotonicTime.now + time
        for process in state.withLock({ $0.processes })
        where try await !process.waitUntilExit(deadline: deadline) {
            kill()
        }
    }
}
