import OobleckCoordination
import OobleckCore

/// What the coordinator's process does, judged as it is done.
extension World {
    func performDirectives() {
        hearDecisions()
        while !shell.isDown, !isWriting, let directive = shell.instance.next(now: Seconds(now)) {
            if isTraced, let line = WorldTrace.text(of: directive, sessions) { log(line) }
            if shared != nil, directive.isForNext { return begin(directive) }
            guard settle(directive, result(of: directive)) else { return }
        }
    }

    /// Performs a directive as its result says; false when the process has died.
    func settle(
        _ directive: CoordinatorInstance.Directive,
        _ result: CoordinatorInstance.DirectiveResult
    ) -> Bool {
        if case .done = result { perform(directive) }
        shell.instance.completed(result, mayAct: mayAct(), now: Seconds(now))
        guard !shell.isDown else { return false }
        guard case .done = result else { return true }
        directiveCount += 1
        hearDecisions()
        if let crash = shell.crash {
            shell.crash?.directives -= 1
            if crash.directives <= 1 {
                self.crash()
                return false
            }
        }
        return true
    }

    /// The judge hears what was decided on, before anything of what follows from it is done.
    private func hearDecisions() {
        for event in shell.instance.takeDecisions() {
            shell.decided = now
            if isTraced, let line = WorldTrace.text(of: event) { log(line) }
            judge.heard(event, now: now)
            if case .worker(_, let message) = event {
                if case .prepared = message { note(.preparedHeard) }
                if case .vote = message { note(.voteHeard) }
            }
        }
    }

    /// What comes of a directive, before it is performed.
    private func result(
        of directive: CoordinatorInstance.Directive
    ) -> CoordinatorInstance.DirectiveResult {
        if !mayAct(), directive.isForNext { return .failed(.deposed) }
        if case .worker(let session, .message) = directive, sessions[session.rawValue].isOpenHere,
            nodes[sessions[session.rawValue].process.node]?.isClogged == true
        {
            return .overflow
        }
        guard canPerform(directive) else {
            return .failed(OobleckError(.storage, "cannot write: No space left on device"))
        }
        return .done
    }

    /// Whether the disk takes what has to be kept; one that is full may still take something short.
    private func canPerform(_ directive: CoordinatorInstance.Directive) -> Bool {
        !directive.isKept || !shell.isDiskFull || random.chance(0.3)
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
        case .recordArithmetic(let recorded): write(.arithmetic(recorded))
        case .write: shell.files.synchronizeLines()
        case .publish, .measured: break
        case .recovered(let record): judge.recovered(record)
        case .checkpoint(let action):
            if case .publish = action { shell.files.synchronizeLines() }
            let time = now + random.seconds(0...0.05)
            agenda.add(.store(action, term: shell.store.term), at: time)
        case .persist, .record, .recordEvaluation, .restored, .store, .conclude: keep(directive)
        case .finish(.abandoned): leaveNodes(for: random.seconds(0...2))
        case .finish(.stopped(.deposed)): leaveNodes(for: shell.deposedFor ?? 0)
        case .finish(let outcome):
            shell.outcome = outcome
            progress = now
            endProcess()
            giveBackLead()
        }
    }

    private func keep(_ directive: CoordinatorInstance.Directive) {
        switch directive {
        case .persist(let change):
            shell.files.persist(change, now: now)
            changes.append(change)
            judge.kept(change, decided: shell.decided)
        case .record(let step):
            progress = now
            write(.step(step))
        case .recordEvaluation(let recorded):
            progress = now
            write(.evaluation(recorded))
        case .restored(let restored):
            progress = now
            write(.restored(restored))
        case .store(let chunk):
            progress = now
            judge.stored(chunk)
        case .conclude(let outcome):
            if case .completed = outcome { shell.result = outcome }
        default: break
        }
    }

    /// Adds a line to the ledger.
    func write(_ entry: HistoryEntry) {
        shell.files.append(entry, now: now)
        judge(entry)
    }

    func judge(_ entry: HistoryEntry) {
        switch entry {
        case .step(let step): judge.recorded(step, nodes: nodes, now: now)
        case .evaluation(let recorded): judge.evaluated(recorded)
        case .restored(let restored): judge.restored(restored)
        case .arithmetic: break
        }
    }

    private func send(_ instruction: AgentInstruction, over session: Int) {
        guard sessions[session].isOpenHere else { return }
        if case .admitted(let node, _, _, _, _) = instruction {
            let process = sessions[session].process
            judge.admitted(node, process, name: nodes[process.node]?.name ?? "", now: now)
        }
        judge.said(byDeposed: shell.outcome == nil && !mayAct())
        transmit(.agentInstruction(instruction), over: session, isUp: false)
    }

    private func send(_ instruction: WorkerInstruction, over session: Int) {
        guard sessions[session].isOpenHere else { return }
        if case .message(let message) = instruction {
            judgeSending(message, to: sessions[session].process.worker)
        }
        judge.said(byDeposed: shell.outcome == nil && !mayAct())
        transmit(.workerInstruction(instruction), over: session, isUp: false)
    }

    private func judgeSending(_ message: CoordinatorMessage, to worker: WorkerID) {
        judge.sent(message, to: worker, now: now)
        if case .stop = message, shell.instance.coordinator.isStopRequested {
            shell.hasSaidFarewell = true
        }
        switch message {
        case .reconfigure: note(.planSent)
        case .resume, .evaluate: note(.resumeSent)
        case .commit(let commit):
            note(.commitSent)
            if commit.skips { note(.stepSkipped) }
        case .collect: note(.collectSent)
        default: break
        }
    }
}

extension CoordinatorInstance.Directive {
    /// Whether it tells the next coordinator something, which only the one that leads may.
    fileprivate var isForNext: Bool {
        switch self {
        case .persist, .conclude: true
        default: false
        }
    }

    /// Whether it is an answer to a peer that comes when the run is over.
    fileprivate var mayFollowEnd: Bool {
        switch self {
        case .agent(_, .refused), .worker(_, .refused), .close, .drop: true
        default: false
        }
    }
}
