import OobleckCoordination
import OobleckCore

/// What the coordinator's process does, judged as it is done.
extension World {
    func performDirectives() {
        hearDecisions()
        while let directive = shell.instance.next(now: Seconds(now)) {
            if isTraced, let line = WorldTrace.text(of: directive, sessions) { log(line) }
            guard canPerform(directive) else {
                let failure = OobleckError(.storage, "cannot write: No space left on device")
                shell.instance.completed(.failed(failure), now: Seconds(now))
                continue
            }
            perform(directive)
            directiveCount += 1
            shell.instance.completed(now: Seconds(now))
            hearDecisions()
            if let crash = shell.crash {
                shell.crash?.directives -= 1
                if crash.directives <= 1 { return self.crash() }
            }
        }
    }

    /// The judge hears what was decided on, before anything of what follows from it is done.
    private func hearDecisions() {
        for event in shell.instance.takeDecisions() {
            if isTraced, let line = WorldTrace.text(of: event) { log(line) }
            judge.heard(event)
            if case .worker(_, let message) = event {
                if case .prepared = message { note(.preparedHeard) }
                if case .vote = message { note(.voteHeard) }
            }
        }
    }

    /// Whether the disk takes what has to be kept; one that is full may still take something short.
    private func canPerform(_ directive: CoordinatorInstance.Directive) -> Bool {
        switch directive {
        case .persist, .record, .restored, .recordArithmetic, .store, .write, .conclude:
            !shell.isDiskFull || random.chance(0.3)
        case .agent, .worker, .close, .drop, .fence, .wake, .log, .publish, .recovered, .checkpoint,
            .finish:
            true
        }
    }

    private func perform(_ directive: CoordinatorInstance.Directive) {
        if shell.outcome != nil, !directive.mayFollowEnd {
            judge.complain("a directive follows the end: \(directive)")
        }
        switch directive {
        case .agent(let session, let instruction): send(instruction, over: session.rawValue)
        case .worker(let session, let instruction): send(instruction, over: session.rawValue)
        case .close(let session), .drop(let session, _): closeHere(session.rawValue)
        case .fence(let node):
            judge.fenced(node)
            note(.lossDeclared)
        case .wake(let time): agenda.add(.wakeCoordinator(term: shell.store.term), at: time.value)
        case .log(let event): judge.logged(event)
        case .publish, .recordArithmetic, .write: break
        case .recovered(let record): judge.recovered(record)
        case .checkpoint(let action):
            let time = now + random.seconds(0...0.05)
            agenda.add(.store(action, term: shell.store.term), at: time)
        case .persist, .record, .restored, .store, .conclude: keep(directive)
        case .finish(.abandoned): leaveNodes()
        case .finish(let outcome):
            shell.outcome = outcome
            progress = now
        }
    }

    private func keep(_ directive: CoordinatorInstance.Directive) {
        switch directive {
        case .persist(let change):
            shell.store.apply(change)
            changes.append(change)
            judge.kept(change)
        case .record(let step):
            progress = now
            judge.recorded(step, nodes: nodes)
        case .restored(let restored):
            progress = now
            judge.restored(restored)
        case .store(let chunk):
            progress = now
            judge.stored(chunk)
        case .conclude(let outcome):
            if case .completed = outcome { shell.result = outcome }
        default: break
        }
    }

    private func send(_ instruction: AgentInstruction, over session: Int) {
        guard sessions[session].isOpenHere else { return }
        if case .admitted(let node, _, _, _) = instruction {
            judge.admitted(node, sessions[session].process)
        }
        transmit(.agentInstruction(instruction), over: session, isUp: false)
    }

    private func send(_ instruction: WorkerInstruction, over session: Int) {
        guard sessions[session].isOpenHere else { return }
        if case .message(let message) = instruction {
            judgeSending(message, to: sessions[session].process.node)
        }
        transmit(.workerInstruction(instruction), over: session, isUp: false)
    }

    private func judgeSending(_ message: CoordinatorMessage, to node: NodeID) {
        judge.sent(message, to: node)
        if case .stop = message, shell.instance.coordinator.isStopRequested {
            shell.hasSaidFarewell = true
        }
        switch message {
        case .reconfigure: note(.planSent)
        case .resume: note(.resumeSent)
        case .commit: note(.commitSent)
        case .collect: note(.collectSent)
        default: break
        }
    }
}

extension CoordinatorInstance.Directive {
    /// Whether it is an answer to a peer that comes when the run is over.
    fileprivate var mayFollowEnd: Bool {
        switch self {
        case .agent(_, .refused), .worker(_, .refused), .close, .drop: true
        default: false
        }
    }
}
