import OobleckCoordination
import OobleckCore

/// The coordinator's process: its decisions, its sessions, and whether its disk takes the ledger.
struct CoordinatorShell {
    var coordinator: Coordinator
    var agents: [NodeID: Int] = [:]
    var workers: [NodeID: Int] = [:]
    var fenced: Set<NodeID> = []
    var isDiskFull = false
    var recordingFailure: OobleckError?
    var outcome: RunOutcome?
    var isFrozen = false
    var missedTick = false
    var backlog: [(session: Int, payload: Payload)] = []
    /// The checkpoint store's, while the process stands still.
    var answers: [CheckpointOutcome] = []

    init(_ coordinator: Coordinator) { self.coordinator = coordinator }
}

// MARK: Sessions, as `CoordinatorLoop` keeps them

extension World {
    func receive(_ payload: Payload, on session: Int) {
        let process = sessions[session].process
        switch payload {
        case .hello(let hello):
            process.role == .agent ? attachAgent(hello, session) : attachWorker(hello, session)
        case .agentNotice(let notice):
            guard shell.agents[process.node] == session else { return }
            switch notice {
            case .heartbeat: tell(.agentHeard(process.node))
            case .workerExited(let evidence):
                tell(.nodeLost(process.node, evidence: evidence))
            case .leaving: tell(.drainRequested(process.node))
            }
        case .workerNotice(let notice):
            guard shell.workers[process.node] == session else { return }
            switch notice {
            case .heartbeat: tell(.workerHeard(process.node))
            case .message(let message): tell(.worker(process.node, message))
            }
        case .end: detach(session)
        case .agentInstruction, .workerInstruction: break
        }
    }

    private func attachAgent(_ hello: SessionHello, _ session: Int) {
        do {
            let node = try shell.coordinator.admit(requested: hello.node)
            shell.fenced.remove(node)
            judge.admitted(node)
            transmit(
                .agentInstruction(.admitted(node, detectionBudget: Seconds(Self.detectionBudget))),
                over: session,
                isUp: false
            )
            shell.agents[node] = session
            tell(.agentJoined(node, agentPID: hello.pid))
        } catch {
            refuse(session, "\(error)")
        }
    }

    private func attachWorker(_ hello: SessionHello, _ session: Int) {
        guard let node = hello.node, shell.outcome == nil, !shell.fenced.contains(node) else {
            return refuse(session, "the node is out, or the run is over")
        }
        let welcome = WorkerInstruction.welcome(
            node,
            detectionBudget: Seconds(Self.detectionBudget)
        )
        if shell.workers[node] == nil { shell.workers[node] = session }
        if shell.workers[node] == session {
            transmit(.workerInstruction(welcome), over: session, isUp: false)
        }
        tell(.workerJoined(node, workerPID: hello.pid))
        if shell.workers[node] != session { refuse(session, "the node is out") }
    }

    private func refuse(_ session: Int, _ reason: String) {
        let isAgent = sessions[session].process.role == .agent
        let answer: Payload =
            isAgent
            ? .agentInstruction(.refused(reason: reason))
            : .workerInstruction(.refused(reason: reason))
        transmit(answer, over: session, isUp: false)
        closeHere(session)
    }

    /// A session is over: proof of the node's loss, unless it was put out before.
    private func detach(_ session: Int) {
        let process = sessions[session].process
        closeHere(session)
        if process.role == .agent {
            guard shell.agents[process.node] == session else { return }
            shell.agents[process.node] = nil
        } else {
            guard shell.workers[process.node] == session else { return }
            shell.workers[process.node] = nil
        }
        let evidence = "the connection of its \(process.role.rawValue) ended"
        tell(.nodeLost(process.node, evidence: evidence))
    }

    /// The process goes on: what came in meanwhile and the late tick, in either order.
    func thawCoordinator() {
        shell.isFrozen = false
        let (backlog, missedTick) = (shell.backlog, shell.missedTick)
        shell.backlog = []
        shell.missedTick = false
        let isTickFirst = random.chance(0.5)
        if missedTick, isTickFirst { tell(.tick) }
        for (session, payload) in backlog where sessions[session].isOpenHere {
            receive(payload, on: session)
        }
        if missedTick, !isTickFirst { tell(.tick) }
        let answers = shell.answers
        shell.answers = []
        for answer in answers { tell(.checkpoint(answer)) }
    }
}

// MARK: - Directives

extension World {
    func tell(_ event: CoordinatorEvent) {
        guard shell.outcome == nil else { return }
        if isTraced, let line = WorldTrace.text(of: event) { log(line) }
        judge.heard(event)
        decide(event)
        if let failure = shell.recordingFailure, shell.outcome == nil {
            decide(.stopRequested(reason: failure.message))
        }
        if case .worker(_, let message) = event {
            if case .prepared = message { note(.preparedHeard) }
            if case .vote = message { note(.voteHeard) }
        }
    }

    private func decide(_ event: CoordinatorEvent) {
        for directive in shell.coordinator.handle(event, now: Seconds(now)) {
            if isTraced, let line = WorldTrace.text(of: directive) { log(line) }
            if shell.outcome != nil { judge.complain("a directive follows the end") }
            perform(directive)
        }
    }

    private func perform(_ directive: CoordinatorDirective) {
        switch directive {
        case .send(let node, let message): send(message, to: node)
        case .fence(let node, let reason): fence(node, reason)
        // These coordinators do not restart: what the next one would have to know is not asked for.
        case .persist: break
        case .record(let step): record(step)
        case .log(let event): judge.logged(event)
        case .publish: break
        case .recovered(let record): judge.recovered(record)
        case .store(let chunk):
            progress = now
            judge.stored(chunk)
        case .checkpoint(let action):
            agenda.add(.store(action), at: now + random.seconds(0...0.05))
        case .restored(let restored):
            progress = now
            judge.restored(restored)
        case .conclude: break
        case .finish(let outcome): finish(outcome)
        }
    }

    private func send(_ message: CoordinatorMessage, to node: NodeID) {
        // As the shell does: nothing may follow from a step that is not in the ledger.
        if shell.recordingFailure != nil {
            guard case .stop = message else { return }
        }
        judge.sent(message, to: node)
        switch message {
        case .reconfigure: note(.planSent)
        case .resume: note(.resumeSent)
        case .commit: note(.commitSent)
        case .collect: note(.collectSent)
        default: break
        }
        guard let session = shell.workers[node] else { return }
        transmit(.workerInstruction(.message(message)), over: session, isUp: false)
    }

    private func fence(_ node: NodeID, _ reason: String) {
        judge.fenced(node)
        shell.fenced.insert(node)
        if let worker = shell.workers.removeValue(forKey: node) {
            transmit(.workerInstruction(.refused(reason: reason)), over: worker, isUp: false)
            closeHere(worker)
        }
        if let agent = shell.agents.removeValue(forKey: node) {
            transmit(.agentInstruction(.fence(reason: reason)), over: agent, isUp: false)
            closeHere(agent)
        }
        note(.lossDeclared)
    }

    private func record(_ step: CommittedStep) {
        guard !shell.isDiskFull else {
            let failure = OobleckError(.storage, "cannot write the ledger: the disk is full")
            shell.recordingFailure = shell.recordingFailure ?? failure
            return
        }
        progress = now
        judge.recorded(step, nodes: nodes)
    }

    private func finish(_ outcome: RunOutcome) {
        let final = shell.recordingFailure.map { RunOutcome.stopped($0) } ?? outcome
        shell.outcome = final
        progress = now
        for session in shell.workers.values.sorted() { closeHere(session) }
        for session in shell.agents.values.sorted() {
            transmit(.agentInstruction(.stop(reason: "over")), over: session, isUp: false)
            closeHere(session)
        }
    }
}
