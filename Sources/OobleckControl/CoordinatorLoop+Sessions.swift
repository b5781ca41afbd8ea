import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore

/// Who is connected: each session has an outbox here, from its admission to its end.
extension CoordinatorLoop {
    /// Admits an agent, or takes back one that was in the run before a restart; returns its node
    /// and what it is to be sent.
    ///
    /// Throws why it is refused.
    func attachAgent(
        requested: NodeID?,
        name: String = "",
        pid: Int,
        isReturning: Bool = false
    ) async throws -> (NodeID, Outbox<AgentInstruction>) {
        let answer: Result<(NodeID, Outbox<AgentInstruction>), any Error> = await perform { state in
            Result {
                try self.requireLead(&state)
                let outbox = Outbox<AgentInstruction>()
                if isReturning, let node = requested {
                    self.callBackIfDropped(by: pid, node, &state)
                }
                if let node = requested, state.coordinator.awaits(agentPID: pid, of: node) {
                    // An attempt before this one, if any, was given up.
                    state.agents[node]?.close()
                    state.agents[node] = outbox
                    state.coordinator.noteName(of: node, name)
                    _ = outbox.add(self.admission(of: node, state))
                    self.process(.agentReturned(node, agentPID: pid), &state)
                    return (node, outbox)
                }
                guard !isReturning else {
                    throw Self.refusal("node \(requested ?? -1) is out")
                }
                guard state.agents.count < self.mostAgents else {
                    throw OobleckError(
                        .usage,
                        "there are \(counted(state.agents.count, "node")); no more than \(self.mostAgents) fit"
                    )
                }
                let node = try state.coordinator.admit(
                    requested: requested,
                    name: name,
                    isOwn: requested.map { self.isOwnAgent($0, pid) } ?? false,
                    now: MonotonicTime.now
                )
                state.fenced.remove(node)
                state.agents[node] = outbox
                self.process(.agentJoined(node, agentPID: pid), &state)
                // Once the number is kept it can be told.
                let admission = self.admission(of: node, state)
                self.whenKept(&state) { _ = outbox.add(admission) }
                return (node, outbox)
            }
        }
        return try answer.get()
    }

    /// Reserves the next number for a node that is about to be started.
    func reserveNode() async -> NodeID { await perform { $0.coordinator.reserve() } }

    /// A process that comes back although it is connected has dropped us.
    private func callBackIfDropped(by pid: Int, _ node: NodeID, _ state: inout State) {
        guard state.coordinator.wasDropped(by: pid, of: node) else { return }
        process(.dropped, &state)
    }

    private func admission(of node: NodeID, _ state: State) -> AgentInstruction {
        .admitted(
            node,
            detectionBudget: detectionBudget,
            coordinatorWait: state.coordinator.coordinatorWait,
            cpuLevel: state.coordinator.cpuLevel
        )
    }

    /// Lets a node's worker in, and returns what it is to be sent.
    ///
    /// Throws why it is refused.
    func attachWorker(
        _ node: NodeID,
        pid: Int,
        testimony: WorkerTestimony? = nil
    ) async throws -> Outbox<WorkerInstruction> {
        let answer: Result<Outbox<WorkerInstruction>, any Error> = await perform { state in
            Result {
                try self.requireLead(&state)
                guard state.outcome == nil else { throw Self.refusal("the run is over") }
                guard !state.fenced.contains(node) else {
                    throw Self.refusal("node \(node) is out")
                }
                if testimony != nil { self.callBackIfDropped(by: pid, node, &state) }
                if testimony != nil, state.coordinator.isConnected(workerPID: pid, of: node) {
                    throw Self.refusal("worker \(pid) has another session")
                }
                let outbox = Outbox<WorkerInstruction>()
                let welcome = WorkerInstruction.welcome(
                    node,
                    detectionBudget: self.detectionBudget,
                    coordinatorWait: state.coordinator.coordinatorWait
                )
                _ = outbox.add(welcome)
                if testimony != nil, state.coordinator.awaits(workerPID: pid, of: node) {
                    // The attempt before this one was given up.
                    state.workers.removeValue(forKey: node)?.close()
                }
                // A second worker of one node: the decision puts the node out.
                if state.workers[node] == nil { state.workers[node] = outbox }
                let event =
                    testimony.map { CoordinatorEvent.workerReturned(node, workerPID: pid, $0) }
                    ?? .workerJoined(node, workerPID: pid)
                self.process(event, &state)
                guard state.workers[node] === outbox else {
                    throw Self.refusal("node \(node) is out")
                }
                return outbox
            }
        }
        return try answer.get()
    }

    /// Notes that a process is not let in; throws when it is not ours to say so.
    func noteRefusal(of who: String, because reason: String) async throws {
        let answer: Result<Void, any Error> = await perform { state in
            Result {
                try self.requireLead(&state)
                state.coordinator.noteRefusal(of: who, because: reason)
            }
        }
        try answer.get()
    }

    /// Who has been deposed refuses nobody either: the nodes are another coordinator's.
    private func requireLead(_ state: inout State) throws {
        guard store.mayAct else {
            if state.outcome == nil { stepDown(&state) }
            throw OobleckError.deposed
        }
        // Tried again by whoever comes.
        if let wait = state.work.wait {
            throw OobleckError(
                .storage,
                "the run waits for storage (\(wait.phrase(now: MonotonicTime.now)))"
            )
        }
    }

    private static func refusal(_ reason: String) -> OobleckError {
        OobleckError(.outOfNodes, "\(reason); nothing that it says counts")
    }

    /// Takes what a worker's session says; dropped when the node is out.
    func take(
        _ notice: WorkerNotice,
        from node: NodeID,
        _ outbox: Outbox<WorkerInstruction>
    ) async {
        if case .message = notice { await storageBack() }
        await perform { state in
            guard state.workers[node] === outbox else { return }
            switch notice {
            case .heartbeat: self.process(.workerHeard(node), &state)
            case .message(let message): self.process(.worker(node, message), &state)
            }
        }
    }

    /// Takes what an agent's session says; dropped when the node is out.
    func take(_ notice: AgentNotice, from node: NodeID, _ outbox: Outbox<AgentInstruction>) async {
        switch notice {
        case .heartbeat: break
        case .workerExited, .leaving: await storageBack()
        }
        await perform { state in
            guard state.agents[node] === outbox else { return }
            switch notice {
            case .heartbeat: self.process(.agentHeard(node), &state)
            case .workerExited(let evidence, let isOutOfMemory):
                let event: CoordinatorEvent =
                    isOutOfMemory
                    ? .outOfMemory(node, evidence: evidence) : .nodeLost(node, evidence: evidence)
                self.process(event, &state)
            case .leaving: self.process(.drainRequested(node), &state)
            }
        }
    }

    /// A node says more than it may: it is out, like one that is lost.
    func expel(_ node: NodeID, evidence: String) async {
        await perform { self.process(.nodeLost(node, evidence: evidence), &$0) }
    }

    /// How long the agent of a worker whose connection ended has to say why, before the node is lost
    /// without a reason.
    ///
    /// It says so within some milliseconds; only where it is stopped as well all of this time passes.
    private var reasonWait: Seconds { Deadlines(budget: detectionBudget).grace }

    /// A worker's session is over.
    ///
    /// Told only if it is the node's, and the node was not put out before.
    func detach(worker node: NodeID, _ outbox: Outbox<WorkerInstruction>) {
        outbox.close()
        queue.async {
            self.state.withLock { state in
                guard state.workers[node] === outbox else { return }
                state.workers[node] = nil
                let event = CoordinatorEvent.sessionEnded(node, .worker)
                // One that only tried to come back may try again at once.
                guard state.agents[node] != nil, !state.coordinator.isReconnecting else {
                    return self.process(event, &state)
                }
                let end = DispatchTime.now() + self.reasonWait.value
                self.queue.asyncAfter(deadline: end) {
                    self.state.withLock { self.process(event, &$0) }
                }
            }
        }
    }

    /// An agent's session is over.
    ///
    /// Told only if it is the node's, and the node was not put out before.
    func detach(agent node: NodeID, _ outbox: Outbox<AgentInstruction>) {
        outbox.close()
        queue.async {
            self.state.withLock { state in
                guard state.agents[node] === outbox else { return }
                state.agents[node] = nil
                self.process(.sessionEnded(node, .agent), &state)
            }
        }
    }
}
