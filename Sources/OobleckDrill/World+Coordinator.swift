import OobleckCoordination
import OobleckCore

/// The coordinator's process: its decisions, its sessions, and whether its disk takes anything.
struct CoordinatorShell {
    var coordinator: Coordinator
    var agents: [NodeID: Int] = [:]
    var workers: [NodeID: Int] = [:]
    var fenced: Set<NodeID> = []
    /// What is decided and not yet performed.
    var work = DirectiveQueue()
    var isDiskFull = false
    /// Called once the disk takes things again.
    var held: [() -> Void] = []
    /// Sessions of those that came meanwhile, which wait to be let in.
    var callers: [Int] = []
    /// What is written of a completed run, and then how the run ended.
    var result: RunOutcome?
    var outcome: RunOutcome?
    var isFrozen = false
    var missedTick = false
    /// Nobody is there: the process has died, and no other has taken over yet.
    var isDown = false
    /// Dies after so many directives, for so many seconds.
    var crash: (directives: Int, seconds: Double)?
    /// Whether nodes have been told to leave because someone asked for the end.
    var hasSaidFarewell = false
    /// Whether someone has had the run go on after it was stopped.
    var isResumed = false
    /// What it kept for the next one.
    var store = DurableState()
    var beaten = -1.0
    var restarted: Double?
    var backlog: [(session: Int, payload: Payload)] = []
    /// The checkpoint store's, while the process stands still.
    var answers: [CheckpointOutcome] = []

    init(_ coordinator: Coordinator) { self.coordinator = coordinator }
}

// MARK: Sessions, as `CoordinatorLoop` keeps them

extension World {
    func receive(_ payload: Payload, on session: Int) {
        let process = sessions[session].process
        guard !shell.work.isWaiting else { return hold(payload, session) }
        switch payload {
        case .hello(let hello):
            process.role == .agent ? attachAgent(hello, session) : attachWorker(hello, session)
        case .agentNotice(let notice):
            guard shell.agents[process.node] == session else { return }
            switch notice {
            case .heartbeat: tell(.agentHeard(process.node))
            case .workerExited(let evidence, _):
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

    /// While storage fails, who comes has to wait, and a session takes no other message of its peer.
    private func hold(_ payload: Payload, _ session: Int) {
        switch payload {
        case .hello:
            shell.callers.append(session)
            shell.held.append {
                if self.sessions[session].isOpenHere { self.receive(payload, on: session) }
            }
        case .agentNotice(.heartbeat), .workerNotice(.heartbeat): break
        default:
            shell.held.append {
                if self.sessions[session].isOpenHere { self.receive(payload, on: session) }
            }
        }
    }

    private func attachAgent(_ hello: SessionHello, _ session: Int) {
        if hello.isReturning, let node = hello.node { callBackIfDropped(by: hello.pid, node) }
        if let node = hello.node, shell.coordinator.awaits(agentPID: hello.pid, of: node) {
            if let before = shell.agents[node] { closeHere(before) }
            shell.agents[node] = session
            admit(node, session)
            return tell(.agentReturned(node, agentPID: hello.pid))
        }
        guard !hello.isReturning else { return refuse(session, "the node is out") }
        do {
            let node = try shell.coordinator.admit(requested: hello.node)
            shell.fenced.remove(node)
            shell.agents[node] = session
            tell(.agentJoined(node, agentPID: hello.pid))
            // Once the number is kept it can be told.
            whenKept {
                guard self.shell.agents[node] == session else { return }
                self.judge.admitted(node)
                self.admit(node, session)
            }
        } catch {
            refuse(session, "\(error)")
        }
    }

    private func callBackIfDropped(by pid: Int, _ node: NodeID) {
        if shell.coordinator.wasDropped(by: pid, of: node) { tell(.dropped) }
    }

    private func admit(_ node: NodeID, _ session: Int) {
        let budget = Seconds(Self.detectionBudget)
        let answer = AgentInstruction.admitted(
            node,
            detectionBudget: budget,
            coordinatorWait: shell.coordinator.coordinatorWait
        )
        transmit(.agentInstruction(answer), over: session, isUp: false)
    }

    private func attachWorker(_ hello: SessionHello, _ session: Int) {
        guard let node = hello.node, shell.outcome == nil, !shell.fenced.contains(node) else {
            return refuse(session, "the node is out, or the run is over")
        }
        if hello.testimony != nil { callBackIfDropped(by: hello.pid, node) }
        if hello.testimony != nil, shell.coordinator.isConnected(workerPID: hello.pid, of: node) {
            return refuse(session, "the process has another session")
        }
        if hello.testimony != nil, shell.coordinator.awaits(workerPID: hello.pid, of: node),
            let before = shell.workers.removeValue(forKey: node)
        {
            closeHere(before)
        }
        let welcome = WorkerInstruction.welcome(
            node,
            detectionBudget: Seconds(Self.detectionBudget),
            coordinatorWait: shell.coordinator.coordinatorWait
        )
        if shell.workers[node] == nil { shell.workers[node] = session }
        if shell.workers[node] == session {
            transmit(.workerInstruction(welcome), over: session, isUp: false)
        }
        tell(
            hello.testimony.map { .workerReturned(node, workerPID: hello.pid, $0) }
                ?? .workerJoined(node, workerPID: hello.pid)
        )
        guard !shell.isDown else { return }
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
        tell(.sessionEnded(process.node, process.role == .agent ? .agent : .worker))
    }

    /// Signs of life for everybody, four a budget.
    func giveSignsOfLife() {
        guard now - shell.beaten >= Self.detectionBudget / 4 else { return }
        shell.beaten = now
        for session in shell.workers.values.sorted() {
            transmit(.workerInstruction(.heartbeat), over: session, isUp: false)
        }
        for session in shell.agents.values.sorted() {
            transmit(.agentInstruction(.heartbeat), over: session, isUp: false)
        }
        for session in shell.callers where sessions[session].isOpenHere {
            let isAgent = sessions[session].process.role == .agent
            transmit(
                isAgent ? .agentInstruction(.heartbeat) : .workerInstruction(.heartbeat),
                over: session,
                isUp: false
            )
        }
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
        guard shell.outcome == nil, !shell.isDown else { return }
        if isTraced, let line = WorldTrace.text(of: event) { log(line) }
        guard !shell.work.isWaiting else { return wait(for: event) }
        judge.heard(event)
        decide(event)
        if case .worker(_, let message) = event {
            if case .prepared = message { note(.preparedHeard) }
            if case .vote = message { note(.voteHeard) }
        }
    }

    private func decide(_ event: CoordinatorEvent) {
        let directives = shell.coordinator.handle(event, now: Seconds(now))
        shell.work.add(directives)
        performWork()
    }

    private func wait(for event: CoordinatorEvent) {
        shell.work.hold(event)
        performWork()
        guard shell.outcome == nil, !shell.isDown, let ended = shell.work.endWait() else { return }
        judge.logged(shell.coordinator.event(.storageRestored, "the disk takes things again"))
        decide(.storageRestored(after: Seconds(now) - ended.since))
        for event in ended.events { tell(event) }
        let held = shell.held
        shell.held = []
        shell.callers = []
        for body in held { body() }
    }

    private func whenKept(_ body: @escaping () -> Void) {
        shell.work.isWaiting ? shell.held.append(body) : body()
    }

    private func performWork() {
        while let directive = shell.work.next(now: Seconds(now)) {
            if isTraced, let line = WorldTrace.text(of: directive) { log(line) }
            if shell.outcome != nil { judge.complain("a directive follows the end") }
            guard canPerform(directive) else {
                let failure = OobleckError(.storage, "cannot write: No space left on device")
                guard shell.work.noteFailure(failure, now: Seconds(now)) else { return }
                return judge.logged(shell.coordinator.event(.storageTrouble, failure.message))
            }
            perform(directive)
            shell.work.notePerformed()
            if let crash = shell.crash {
                shell.crash?.directives -= 1
                if crash.directives <= 1 { return self.crash() }
            }
        }
    }

    /// Whether the disk takes what has to be kept; one that is full may still take something short.
    private func canPerform(_ directive: CoordinatorDirective) -> Bool {
        switch directive {
        case .persist, .record, .restored, .recordArithmetic, .store, .conclude:
            !shell.isDiskFull || random.chance(0.3)
        case .send, .fence, .dismiss, .log, .publish, .recovered, .checkpoint, .closeSessions,
            .finish:
            true
        }
    }

    private func perform(_ directive: CoordinatorDirective) {
        switch directive {
        case .send(let node, let message): send(message, to: node)
        case .fence(let node, let reason): fence(node, reason)
        case .record(let step):
            progress = now
            judge.recorded(step, nodes: nodes)
        case .dismiss(let node, let reason):
            guard let session = shell.agents[node] else { return }
            transmit(.agentInstruction(.stop(reason: reason)), over: session, isUp: false)
        case .log(let event): judge.logged(event)
        case .publish: break
        case .persist(let change): shell.store.apply(change)
        case .recovered(let record): judge.recovered(record)
        case .store(let chunk):
            progress = now
            judge.stored(chunk)
        case .checkpoint(let action):
            let time = now + random.seconds(0...0.05)
            agenda.add(.store(action, term: shell.store.term), at: time)
        case .restored(let restored):
            progress = now
            judge.restored(restored)
        case .recordArithmetic: break
        case .closeSessions:
            for session in (Array(shell.workers.values) + Array(shell.agents.values)).sorted() {
                closeHere(session)
            }
            (shell.workers, shell.agents) = ([:], [:])
            judge.calledBack()
        case .conclude(let outcome):
            if case .completed = outcome { shell.result = outcome }
        case .finish(let outcome): finish(outcome)
        }
    }

    private func send(_ message: CoordinatorMessage, to node: NodeID) {
        judge.sent(message, to: node)
        if case .stop = message, shell.coordinator.isStopRequested { shell.hasSaidFarewell = true }
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

    private func finish(_ outcome: RunOutcome) {
        shell.outcome = outcome
        progress = now
        for session in shell.workers.values.sorted() { closeHere(session) }
        for session in shell.agents.values.sorted() {
            transmit(.agentInstruction(.stop(reason: "over")), over: session, isUp: false)
            closeHere(session)
        }
    }
}
