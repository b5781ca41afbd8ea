import OobleckCoordination
import OobleckCore

extension World {
    /// A node's machine starts its agent.
    @discardableResult
    func addNode(after delay: Double) -> SimulatedNode {
        let node = SimulatedNode(id: NodeID(nodes.count))
        nodes[node.id] = node
        node.agent.isRunning = true
        agenda.add(.errand(node.agent, .connect), at: now + delay)
        return node
    }

    func run(_ errand: Errand, in process: SimulatedProcess) {
        guard process.isRunning else { return }
        if process.isFrozen { return process.backlog.append(.errand(process, errand)) }
        guard let node = nodes[process.node] else { return }
        switch errand {
        case .connect: connect(process)
        case .beat: beat(process)
        case .say(let message): say(message, process)
        case .finishComputing(let generation, let step, let since):
            finishComputing(node, generation, step, since: since)
        case .giveUpForming(let generation):
            if node.logic.isPreparing(generation) {
                say(.faulted(generation: generation, message: "no group within 6 s"), process)
            }
        case .write(let order, let layer, let state): write(order, layer, state, node)
        case .load(let point, let generation, let layer):
            let state = disk.layer(layer, of: point)
            act(on: node) { logic, _ in logic.load(layer, state, of: generation) }
        case .noticeWorkerExit(let evidence): noticeWorkerExit(node, evidence)
        case .noticeAgentExit: exit(process, "its agent is gone")
        case .endFarewell:
            if node.worker.isRunning { kill(node.worker) }
            exit(process, "the run is over")
        }
    }

    private func connect(_ process: SimulatedProcess) {
        let session = openSession(process)
        let pid = 100 + 2 * process.node.rawValue + (process.role == .agent ? 0 : 1)
        let hello = SessionHello(node: process.node, pid: pid)
        transmit(.hello(hello), over: session, isUp: true)
    }

    private func beat(_ process: SimulatedProcess) {
        guard let session = process.session, sessions[session].isOpenThere else { return }
        let isAgent = process.role == .agent
        let beat: Payload = isAgent ? .agentNotice(.heartbeat) : .workerNotice(.heartbeat)
        transmit(beat, over: session, isUp: true)
        agenda.add(.errand(process, .beat), at: now + Self.detectionBudget / 4)
    }

    func say(_ message: WorkerMessage, _ process: SimulatedProcess) {
        guard let session = process.session, sessions[session].isOpenThere else { return }
        if sessions[session].past.count == 8 { sessions[session].past.removeFirst() }
        sessions[session].past.append(message)
        transmit(.workerNotice(.message(message)), over: session, isUp: true)
    }

    // MARK: What processes are told

    func receive(_ payload: Payload, in process: SimulatedProcess, _ session: Int) {
        guard !process.isImpostor else {
            if case .end = payload { process.isRunning = false }
            return
        }
        guard let node = nodes[process.node] else { return }
        switch payload {
        case .agentInstruction(let instruction): receive(instruction, in: node)
        case .workerInstruction(let instruction): receive(instruction, in: node)
        case .end:
            sessions[session].isOpenThere = false
            if process.role == .agent { killWorker(of: node) }
            exit(process, "the coordinator ended the session")
        case .hello, .agentNotice, .workerNotice: break
        }
    }

    private func receive(_ instruction: AgentInstruction, in node: SimulatedNode) {
        switch instruction {
        case .admitted:
            beat(node.agent)
            node.worker.isRunning = true
            agenda.add(.errand(node.worker, .connect), at: now + random.seconds(0.01...0.08))
        case .heartbeat: break
        case .refused(let reason): exit(node.agent, "refused: \(reason)")
        case .fence(let reason):
            killWorker(of: node)
            exit(node.agent, "put out: \(reason)")
        case .stop:
            node.isLeaving = true
            guard node.worker.isRunning else { return exit(node.agent, "the run is over") }
            agenda.add(.errand(node.agent, .endFarewell), at: now + 2)
        }
    }

    private func receive(_ instruction: WorkerInstruction, in node: SimulatedNode) {
        switch instruction {
        case .welcome: beat(node.worker)
        case .heartbeat: break
        case .refused(let reason): exit(node.worker, "refused: \(reason)")
        case .message(let message):
            if case .reconfigure(let plan) = message {
                let wait = 3 * Self.detectionBudget
                agenda.add(.errand(node.worker, .giveUpForming(plan.generation)), at: now + wait)
            }
            act(on: node) { logic, random in logic.receive(message, random: &random) }
        }
    }

    // MARK: How processes end

    /// SIGKILL.
    ///
    /// Frozen ones die as well.
    func kill(_ process: SimulatedProcess) {
        guard process.isRunning else { return }
        log("\(process.role.rawValue) \(process.node) is killed")
        end(process)
    }

    /// Ends by itself.
    func exit(_ process: SimulatedProcess, _ reason: String) {
        guard process.isRunning else { return }
        log("\(process.role.rawValue) \(process.node) exits: \(reason)")
        end(process)
    }

    private func end(_ process: SimulatedProcess) {
        process.isRunning = false
        process.backlog = []
        guard let node = nodes[process.node], node.isPowered else { return }
        if let session = process.session { closeThere(session) }
        let moment = now + random.seconds(0.001...0.005)
        switch process.role {
        case .worker:
            agenda.add(.errand(node.agent, .noticeWorkerExit(evidence: "its worker")), at: moment)
        case .agent: agenda.add(.errand(node.worker, .noticeAgentExit), at: moment)
        }
    }

    private func killWorker(of node: SimulatedNode) {
        if node.worker.isRunning { kill(node.worker) }
    }

    private func noticeWorkerExit(_ node: SimulatedNode, _ evidence: String) {
        guard !node.isLeaving else { return exit(node.agent, "the run is over") }
        guard let session = node.agent.session else { return }
        transmit(.agentNotice(.workerExited(evidence: evidence)), over: session, isUp: true)
        exit(node.agent, "its worker is gone")
    }
}

// MARK: - What workers do

extension World {
    func act(
        on node: SimulatedNode,
        _ body: (inout SimulatedWorker, inout SeededRandom) -> [SimulatedWorker.Action]
    ) {
        guard node.worker.isRunning else { return }
        for action in body(&node.logic, &random) { perform(action, node) }
    }

    private func perform(_ action: SimulatedWorker.Action, _ node: SimulatedNode) {
        switch action {
        case .say(let message, let delay):
            agenda.add(.errand(node.worker, .say(message)), at: now + delay)
        case .ask(let source, let generation, let layer):
            transmitData(.request(generation, layer: layer), from: node.id, to: source)
        case .answer(let other, let generation, let layer, let state):
            transmitData(.delivery(generation, layer: layer, state), from: node.id, to: other)
        case .compute(let generation, let step):
            let errand = Errand.finishComputing(generation, step: step, since: now)
            agenda.add(.errand(node.worker, errand), at: now + random.seconds(0.005...0.03))
        case .write(let order, let layer, let state):
            let errand = Errand.write(order, layer: layer, state)
            agenda.add(.errand(node.worker, errand), at: now + random.seconds(0.002...0.05))
        case .load(let point, let generation, let layer):
            let errand = Errand.load(point, generation, layer: layer)
            agenda.add(.errand(node.worker, errand), at: now + random.seconds(0.001...0.02))
        case .exit: exit(node.worker, "told to stop")
        }
    }

    private func write(
        _ order: CheckpointOrder,
        _ layer: Int,
        _ state: SimulatedWorker.LayerState,
        _ node: SimulatedNode
    ) {
        let outcome = disk.write(state, layer: layer, of: order, random: &random)
        let report = ShardReport(
            generation: order.generation,
            step: order.step,
            layer: layer,
            outcome: outcome,
            heldUp: 0.001
        )
        say(.shard(report), node.worker)
    }

    /// With a dead peer a worker may still get through, notice, or hang until it is told or its
    /// own deadline ends the wait.
    private func finishComputing(
        _ node: SimulatedNode,
        _ generation: Generation,
        _ step: Int,
        since: Double
    ) {
        guard node.logic.isComputing(generation, step: step) else { return }
        let peers = judge.plans[generation]?.nodes ?? []
        let broken = peers.filter { isBroken(node.id, $0) }
        guard !broken.isEmpty, random.chance(0.7) else {
            return act(on: node) { logic, _ in logic.vote(of: generation, step: step) }
        }
        let isClosed = broken.contains {
            nodes[$0]?.worker.isRunning == false && nodes[$0]?.isPowered == true
        }
        let isTooLong = now - since > 60 * Self.detectionBudget
        if isTooLong || isClosed && random.chance(0.7) {
            say(.faulted(generation: generation, message: "peer closed"), node.worker)
        } else {
            let errand = Errand.finishComputing(generation, step: step, since: since)
            agenda.add(.errand(node.worker, errand), at: now + 0.25)
        }
    }
}
