import OobleckCoordination
import OobleckCore

extension World {
    /// A node's machine starts its agent.
    func addNode(_ name: String? = nil, after delay: Double) {
        agenda.add(.boot(name), at: now + delay)
    }

    @discardableResult
    func boot(_ name: String? = nil) -> SimulatedNode {
        let node = SimulatedNode(
            id: NodeID(nodes.count),
            devices: setup.devices,
            name: name ?? "machine-\(nodes.count)",
            hasStandby: setup.hasStandby,
            now: now
        )
        nodes[node.id] = node
        for worker in node.workers { worker.logic.wrongNumbers = setup.wrongNumbers }
        node.agent.isRunning = true
        connect(node.agent)
        return node
    }

    func run(_ errand: Errand, in process: SimulatedProcess) {
        guard process.isRunning else { return }
        if process.isFrozen { return process.backlog.append(.errand(process, errand)) }
        guard let node = nodes[process.node] else { return }
        switch errand {
        case .open(let session): open(session, process)
        case .wake:
            process.wake = .infinity
            tell(process, closedBecause: nil)
        case .say(let message): say(message, process)
        case .finishComputing(let generation, let step, let since):
            finishComputing(node.workers[process.device], generation, step, since: since)
        case .giveUpForming(let generation):
            if node.workers[process.device].logic.isPreparing(generation) {
                let peers = judge.plans[generation]?.nodes ?? []
                let unreached = peers.filter { network.areParted(node.id, $0) }
                say(
                    .faulted(
                        generation: generation,
                        message: "no group within 6 s",
                        FaultFindings(unreached: unreached)
                    ),
                    process
                )
            }
        case .write(let order, let layer, let state):
            write(order, layer, state, node.workers[process.device])
        case .load(let point, let generation, let layer):
            let state = disk.layer(layer, of: point)
            act(on: node.workers[process.device]) { logic, _ in
                logic.load(layer, state, of: generation)
            }
        case .noticeWorkerExit(let evidence, let inOrder):
            // Others that were told to leave, too, have not yet.
            if node.hasRunningWorker, node.isLeaving || inOrder { return }
            if node.isLeaving { return exit(process, "the run is over") }
            let end = AgentSession.Local.workerExited(
                evidence: evidence,
                inOrder: inOrder,
                isOutOfMemory: node.isOutOfMemory
            )
            drive(agent: node, .local(end))
        case .noticeAgentExit: exit(process, "its agent is gone")
        case .endFarewell:
            killWorkers(of: node)
            exit(process, "the run is over")
        }
    }

    func say(_ message: WorkerMessage, _ process: SimulatedProcess) {
        guard let node = nodes[process.node], process.isRunning else { return }
        if let session = process.session {
            if sessions[session].past.count == 8 { sessions[session].past.removeFirst() }
            sessions[session].past.append(message)
        }
        drive(node.workers[process.device], .local(message))
    }

    // MARK: Sessions: the production values, and what they want done

    private func connect(_ process: SimulatedProcess) {
        let session = openSession(process)
        let errand = Errand.open(session: session)
        agenda.add(.errand(process, errand), at: now + random.seconds(0.001...0.01))
        scheduleWake(process)
    }

    private func open(_ session: Int, _ process: SimulatedProcess) {
        guard process.session == session else { return }
        guard !network.isCutOff(process.node) else {
            // Nobody answers; the attempt's own deadline ends it.
            return agenda.add(.errand(process, .open(session: session)), at: now + 0.1)
        }
        guard !shell.isDown, shell.outcome == nil else {
            sessions[session].isOpenThere = false
            return tell(process, closedBecause: "connection refused")
        }
        guard let node = nodes[process.node] else { return }
        switch process.role {
        case .agent: drive(agent: node, .opened)
        case .worker: drive(node.workers[process.device], .opened)
        }
    }

    /// The stream ended; without a reason, a deadline has come.
    private func tell(_ process: SimulatedProcess, closedBecause reason: String?) {
        guard let node = nodes[process.node] else { return }
        switch process.role {
        case .agent: drive(agent: node, reason.map { .closed(reason: $0) } ?? .wake)
        case .worker:
            drive(node.workers[process.device], reason.map { .closed(reason: $0) } ?? .wake)
        }
    }

    private func scheduleWake(_ process: SimulatedProcess) {
        guard let node = nodes[process.node], process.isRunning else { return }
        let wanted =
            process.role == .agent
            ? node.agentSession.nextWake : node.workers[process.device].session.nextWake
        let time = max(now + 0.001, wanted.value)
        guard time.isFinite, time < process.wake else { return }
        process.wake = time
        agenda.add(.errand(process, .wake), at: time)
    }

    private func drive(
        agent node: SimulatedNode,
        _ event: SessionEvent<AgentInstruction, AgentSession.Local>
    ) {
        let directives = node.agentSession.handle(event, now: Seconds(now))
        for directive in directives where node.agent.isRunning {
            switch directive {
            case .send(let notice): transmit(.agentNotice(notice), from: node.agent)
            case .hello(let hello): transmit(.hello(hello), from: node.agent)
            case .connect: connect(node.agent)
            case .disconnect: disconnect(node.agent)
            case .act(.startWorkers): startWorkers(of: node)
            case .act(.killWorkers): killWorkers(of: node)
            case .act(.dismissWorkers): node.isDismissed = true
            case .end(let ending): end(node, ending)
            }
        }
        scheduleWake(node.agent)
    }

    private func drive(
        _ worker: SimulatedTrainer,
        _ event: SessionEvent<WorkerInstruction, WorkerMessage>
    ) {
        let process = worker.process
        let directives = worker.session.handle(event, now: Seconds(now))
        for directive in directives where process.isRunning {
            switch directive {
            case .send(let notice): transmit(.workerNotice(notice), from: process)
            case .hello(let hello): transmit(.hello(hello), from: process)
            case .connect: connect(process)
            case .disconnect: disconnect(process)
            case .act(let message): hand(message, to: worker)
            case .end(.inOrder): break
            case .end(.failed(let error)): exit(process, error.message)
            }
        }
        scheduleWake(process)
    }

    private func transmit(_ payload: Payload, from process: SimulatedProcess) {
        guard let session = process.session, sessions[session].isOpenThere else { return }
        transmit(payload, over: session, isUp: true)
    }

    private func disconnect(_ process: SimulatedProcess) {
        guard let session = process.session else { return }
        process.session = nil
        closeThere(session)
    }

    private func startWorkers(of node: SimulatedNode) {
        for (device, worker) in node.workers.enumerated() {
            worker.process.isRunning = true
            node.startSession(of: device, hasStandby: setup.hasStandby, now: now)
            connect(worker.process)
        }
    }

    /// As `Agent` does: dismissed workers have a while to leave, any others are killed.
    private func end(_ node: SimulatedNode, _ ending: SessionEnding) {
        if node.isDismissed, node.hasRunningWorker {
            node.isLeaving = true
            return agenda.add(.errand(node.agent, .endFarewell), at: now + 2)
        }
        killWorkers(of: node)
        exit(node.agent, "its session ends: \(ending)")
    }

    private func hand(_ message: CoordinatorMessage, to worker: SimulatedTrainer) {
        if case .reconfigure(let plan) = message {
            let wait = 3 * Self.detectionBudget
            let errand = Errand.giveUpForming(plan.generation)
            agenda.add(.errand(worker.process, errand), at: now + wait)
        }
        act(on: worker) { logic, random in logic.receive(message, random: &random) }
    }

    /// Something arrives at a process over its stream.
    func receive(_ payload: Payload, in process: SimulatedProcess, _ session: Int) {
        guard !process.isImpostor else {
            if case .end = payload { process.isRunning = false }
            return
        }
        // What comes of an attempt that was given up counts no more.
        guard let node = nodes[process.node], process.session == session else { return }
        switch payload {
        case .agentInstruction(let instruction): drive(agent: node, .received(instruction))
        case .workerInstruction(let instruction):
            drive(node.workers[process.device], .received(instruction))
        case .end:
            closeThere(session)
            tell(process, closedBecause: "the coordinator ended the session")
        case .hello, .agentNotice, .workerNotice: break
        }
    }

    // MARK: How processes end

    /// SIGKILL.
    ///
    /// Frozen ones die as well.
    func kill(_ process: SimulatedProcess) {
        guard process.isRunning else { return }
        log("\(process.role.rawValue) \(process.worker) is killed")
        end(process, inOrder: false)
    }

    /// Ends by itself.
    func exit(_ process: SimulatedProcess, _ reason: String, inOrder: Bool = false) {
        guard process.isRunning else { return }
        log("\(process.role.rawValue) \(process.worker) exits: \(reason)")
        noteUnanswered(reason)
        end(process, inOrder: inOrder)
    }

    private func end(_ process: SimulatedProcess, inOrder: Bool) {
        process.isRunning = false
        process.backlog = []
        guard let node = nodes[process.node], node.isPowered else { return }
        if let session = process.session { closeThere(session) }
        let moment = now + random.seconds(0.001...0.005)
        switch process.role {
        case .worker:
            let errand = Errand.noticeWorkerExit(evidence: "its worker ended", inOrder: inOrder)
            agenda.add(.errand(node.agent, errand), at: moment)
        case .agent:
            for worker in node.workers {
                agenda.add(.errand(worker.process, .noticeAgentExit), at: moment)
            }
        }
    }

    private func killWorkers(of node: SimulatedNode) {
        for worker in node.workers where worker.process.isRunning { kill(worker.process) }
    }
}

// MARK: - What workers do

extension World {
    func act(
        on worker: SimulatedTrainer,
        _ body: (inout SimulatedWorker, inout SeededRandom) -> [SimulatedWorker.Action]
    ) {
        guard worker.process.isRunning else { return }
        for action in body(&worker.logic, &random) { perform(action, worker) }
    }

    private func perform(_ action: SimulatedWorker.Action, _ worker: SimulatedTrainer) {
        let (process, id) = (worker.process, worker.process.worker)
        switch action {
        case .say(let message, let delay):
            agenda.add(.errand(process, .say(message)), at: now + delay)
        case .ask(let source, let generation, let layer):
            transmitData(.request(generation, layer: layer), from: id, to: source)
        case .answer(let other, let generation, let layer, let state):
            transmitData(.delivery(generation, layer: layer, state), from: id, to: other)
        case .compute(let generation, let step):
            let errand = Errand.finishComputing(generation, step: step, since: now)
            let time = setup.pace * worker.logic.slowness * random.seconds(0.005...0.03)
            agenda.add(.errand(process, errand), at: now + time)
        case .write(let order, let layer, let state):
            let errand = Errand.write(order, layer: layer, state)
            agenda.add(.errand(process, errand), at: now + random.seconds(0.002...0.05))
        case .load(let point, let generation, let layer):
            let errand = Errand.load(point, generation, layer: layer)
            agenda.add(.errand(process, errand), at: now + random.seconds(0.001...0.02))
        case .exit: exit(process, "told to stop", inOrder: true)
        }
    }

    private func write(
        _ order: CheckpointOrder,
        _ layer: Int,
        _ state: SimulatedWorker.LayerState,
        _ worker: SimulatedTrainer
    ) {
        let outcome = disk.write(state, layer: layer, of: order, random: &random)
        let report = ShardReport(
            generation: order.generation,
            step: order.step,
            layer: layer,
            outcome: outcome,
            heldUp: worker.logic.time(0.001, place: order.step)
        )
        say(.shard(report), worker.process)
    }

    /// With a dead peer, or one that computes without an end, a worker may still get through, notice, or
    /// hang until it is told or its own deadline ends the wait.
    private func finishComputing(
        _ worker: SimulatedTrainer,
        _ generation: Generation,
        _ step: Int,
        since: Double
    ) {
        guard worker.logic.isComputing(generation, step: step), !worker.logic.crawls else { return }
        let peers = judge.plans[generation]?.workers ?? []
        let crawling = peers.filter { nodes[$0.node]?.workers[$0.device].logic.crawls == true }
        let broken = peers.filter { isBroken(worker.process.worker, $0) } + crawling
        // Who does not get through past a peer that computes at once does not later, either.
        let isStuck = !crawling.isEmpty && now - since > 0.2
        guard !broken.isEmpty, isStuck || random.chance(0.7) else {
            return act(on: worker) { logic, _ in logic.vote(of: generation, step: step) }
        }
        let isClosed = broken.contains {
            nodes[$0.node]?.workers[$0.device].process.isRunning == false
                && nodes[$0.node]?.isPowered == true
        }
        // A wait for a peer that computes has the deadline of a collective.
        let budgets = crawling.isEmpty ? 60.0 : 10
        let isTooLong = now - since > budgets * Self.detectionBudget
        if isTooLong || isClosed && random.chance(0.7) {
            say(.faulted(generation: generation, message: "peer closed"), worker.process)
        } else {
            let errand = Errand.finishComputing(generation, step: step, since: since)
            agenda.add(.errand(worker.process, errand), at: now + 0.25)
        }
    }
}
