import OobleckCore

/// Who is connected: each session is known here from its admission to its end.
extension CoordinatorInstance {
    mutating func take(_ input: Input, now: Seconds) {
        switch input {
        case .hello(let session, let side, let hello, let isOwn):
            if let misfit = handshake.misfit(of: hello) {
                coordinator.noteRefusal(of: hello.phrase(side), because: misfit)
                return refuse(session, side, misfit.reason)
            }
            switch side {
            case .agent: attachAgent(session, hello, isOwn: isOwn, now: now)
            case .worker: attachWorker(session, hello, now: now)
            }
        case .agent(let session, let report): take(report, session, now: now)
        case .worker(let session, let report): take(report, session, now: now)
        case .ended(let session): detach(session, now: now)
        case .offence(let session, let what):
            guard let node = peers[session]?.node else { return }
            let side: SessionSide = agents[node] == session ? .agent : .worker
            decide(.nodeLost(node, evidence: "its \(side.rawValue) \(what)"), now: now)
        case .event(let event): decide(event, now: now)
        case .wake: break
        }
    }

    private mutating func take(_ report: AgentReport, _ session: SessionID, now: Seconds) {
        guard let node = peers[session]?.node, agents[node] == session else { return }
        switch report {
        case .heartbeat: decide(.agentHeard(node), now: now)
        case .workerExited(let evidence, isOutOfMemory: true):
            decide(.outOfMemory(node, evidence: evidence), now: now)
        case .workerExited(let evidence, isOutOfMemory: false):
            decide(.nodeLost(node, evidence: evidence), now: now)
        case .leaving: decide(.drainRequested(node), now: now)
        }
    }

    private mutating func take(_ report: WorkerReport, _ session: SessionID, now: Seconds) {
        guard let worker = peers[session], workers[worker] == session else { return }
        switch report {
        case .heartbeat: decide(.workerHeard(worker), now: now)
        case .message(let message): decide(.worker(worker, message), now: now)
        }
    }

    // MARK: Admission

    /// Admits an agent, or takes back one that was in the run before a restart.
    private mutating func attachAgent(
        _ session: SessionID,
        _ hello: SessionHello,
        isOwn: Bool,
        now: Seconds
    ) {
        if hello.isReturning, let node = hello.node {
            callBackIfDropped(by: hello.pid, node, now: now)
        }
        if let node = hello.node, coordinator.awaits(agentPID: hello.pid, of: node) {
            // An attempt before this one, if any, was given up.
            if let before = agents[node] { close(before) }
            (agents[node], peers[session]) = (session, WorkerID(node))
            coordinator.noteName(of: node, hello.nodeName)
            coordinator.noteMachine(of: node, hello.machine)
            work.add(.agent(session, admission(of: node)))
            return decide(.agentReturned(node, agentPID: hello.pid), now: now)
        }
        guard !hello.isReturning else {
            return refuse(session, .agent, Self.out(hello.node ?? -1))
        }
        guard agents.count < mostAgents else {
            let count = counted(agents.count, "node")
            return refuse(session, .agent, "there are \(count); no more than \(mostAgents) fit")
        }
        let node: NodeID
        do {
            node = try coordinator.admit(
                requested: hello.node,
                name: hello.nodeName,
                isOwn: isOwn,
                now: now
            )
        } catch {
            let reason = (error as? OobleckError)?.message ?? "\(error)"
            return refuse(session, .agent, reason)
        }
        coordinator.noteMachine(of: node, hello.machine)
        fenced.remove(node)
        (agents[node], peers[session]) = (session, WorkerID(node))
        decide(.agentJoined(node, agentPID: hello.pid), now: now)
        // Once the number is kept it can be told.
        work.add(.agent(session, admission(of: node)))
    }

    /// A process that comes back although it is connected has dropped us.
    private mutating func callBackIfDropped(by pid: Int, _ node: NodeID, now: Seconds) {
        guard coordinator.wasDropped(by: pid, of: node) else { return }
        decide(.dropped, now: now)
    }

    private func admission(of node: NodeID) -> AgentInstruction {
        .admitted(
            node,
            detectionBudget: coordinator.detectionBudget,
            coordinatorWait: coordinator.coordinatorWait,
            cpuLevel: coordinator.cpuLevel,
            devices: coordinator.devicesPerNode
        )
    }

    /// Lets a worker of a node in.
    private mutating func attachWorker(_ session: SessionID, _ hello: SessionHello, now: Seconds) {
        guard let node = hello.node else {
            return refuse(session, .worker, "names no node")
        }
        guard !fenced.contains(node) else { return refuse(session, .worker, Self.out(node)) }
        let devices = coordinator.devicesPerNode
        guard (0..<devices).contains(hello.device) else {
            let what = "names device \(hello.device); a node has \(counted(devices, "device")) here"
            return refuse(session, .worker, what)
        }
        let worker = WorkerID(node, device: hello.device)
        if hello.testimony != nil {
            callBackIfDropped(by: hello.pid, node, now: now)
            guard !coordinator.isConnected(workerPID: hello.pid, of: worker) else {
                let reason = Self.unheard("worker \(hello.pid) has another session")
                return refuse(session, .worker, reason)
            }
            if coordinator.awaits(workerPID: hello.pid, of: worker), let before = workers[worker] {
                // The attempt before this one was given up.
                workers[worker] = nil
                close(before)
            }
        }
        // A second worker of one device: the decision puts the node out.
        let isFirst = workers[worker] == nil
        if isFirst {
            (workers[worker], peers[session]) = (session, worker)
            // It is back: that its session before ended is no news any more.
            departures.removeAll { $0.worker == worker }
            work.add(.worker(session, welcome(to: node)))
        }
        let event =
            hello.testimony.map {
                CoordinatorEvent.workerReturned(worker, workerPID: hello.pid, $0)
            }
            ?? .workerJoined(worker, workerPID: hello.pid)
        decide(event, now: now)
        if !isFirst { refuse(session, .worker, Self.out(node)) }
    }

    private func welcome(to node: NodeID) -> WorkerInstruction {
        .welcome(
            node,
            detectionBudget: coordinator.detectionBudget,
            coordinatorWait: coordinator.coordinatorWait
        )
    }

    // MARK: Refusal

    private static func out(_ node: NodeID) -> String { unheard("node \(node) is out") }

    static func unheard(_ reason: String) -> String { "\(reason); nothing that it says counts" }

    mutating func refuse(_ session: SessionID, _ side: SessionSide, _ reason: String) {
        switch side {
        case .agent: work.add(.agent(session, .refused(reason: reason)))
        case .worker: work.add(.worker(session, .refused(reason: reason)))
        }
        work.add(.close(session))
    }

    // MARK: End

    /// The session is over; told only if it is its node's, and the node was not put out before.
    private mutating func detach(_ session: SessionID, now: Seconds) {
        guard let peer = peers.removeValue(forKey: session) else { return }
        if agents[peer.node] == session {
            agents[peer.node] = nil
            return decide(.sessionEnded(peer, .agent), now: now)
        }
        guard workers[peer] == session else { return }
        workers[peer] = nil
        // One that only tried to come back may try again at once.
        guard agents[peer.node] != nil, !coordinator.isReconnecting else {
            return decide(.sessionEnded(peer, .worker), now: now)
        }
        // Its agent says why within some milliseconds; only where it is stopped as well does all of
        // this time pass.
        let due = now + Deadlines(budget: coordinator.detectionBudget).grace
        departures.append((peer, due))
        work.add(.wake(at: due))
    }
}

extension SessionHello {
    /// Who says it.
    func phrase(_ side: SessionSide) -> String {
        "\(side.rawValue)\(nodeName.isEmpty ? "" : " \(nodeName)"), process \(pid)"
    }
}
