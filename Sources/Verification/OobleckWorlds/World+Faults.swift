import OobleckCoordination
import OobleckCore

extension World {
    /// Lets a fault of the setup happen, or puts it off while the run could not afford it.
    func strike(_ place: Int) {
        guard shell.outcome == nil else { return }
        let fault = setup.faults[place]
        guard canAfford(fault.action.cost, isDrain: fault.action == .drain) else {
            switch fault.trigger {
            case .time: agenda.add(.fault(place), at: now + 0.1)
            case .moment(let moment, _, let delay):
                armed.append((place, moment, moments[moment, default: 0] + 1, delay))
            }
            return
        }
        struck.insert(place)
        log("*** \(fault.action)")
        perform(fault.action)
        troubleUntil = max(troubleUntil, now)
    }

    private func perform(_ action: WorldFault.Action) {
        switch action {
        case .kill(let target, let count):
            for node in victims(count) { kill(target, of: node) }
        case .killPipeline(let target):
            for node in randomPipeline() { kill(target, of: node) }
        case .freeze(let target, let seconds):
            for node in victims(1) { freeze(node, target, seconds) }
        case .cutOff(let direction, let seconds):
            for node in victims(1) { cutOff(node, direction, seconds) }
        case .split(let seconds): split(victims(2), seconds)
        case .breakStream(let target, _):
            for node in victims(1) {
                let process = target == .agent ? node.agent : aWorker(of: node).process
                guard let session = process.session else { continue }
                doomed.insert(node.id)
                breakStream(session)
            }
        case .jitter(let seconds):
            network.jitter = 0.1
            undo(.calm, after: seconds)
        case .freezeCoordinator(let seconds):
            guard !shell.isFrozen, !shell.isDown else { return }
            shell.isFrozen = true
            undo(.thawCoordinator, after: seconds)
        case .crashCoordinator(let directives, let seconds):
            guard !shell.isDown, !shell.isFrozen, shell.crash == nil else { return }
            shell.crash = (directives, seconds)
            if directives == 0 { crash() }
        case .cutOffCoordinator(let seconds):
            log("the coordinator is cut off")
            for node in nodes.keys.sorted() {
                block(node, up: true, down: true, by: 1)
                undo(.reconnect(node, up: true, down: true), after: seconds)
            }
        case .join(let count): for _ in 0..<count { addNode(after: random.seconds(0...0.05)) }
        case .flap(let times):
            for node in victims(1) { flap(node.id, left: times) }
        case .drain:
            guard !shell.isFrozen, !shell.isDown else { return }
            for node in spareWorkers(1) { tell(.drainRequested(node.id)) }
        case .falseAlarm:
            for node in spareWorkers(1) {
                let worker = aWorker(of: node)
                let generation = worker.logic.generation
                say(.faulted(generation: generation, message: "false alarm"), worker.process)
            }
        case .impostor(let target):
            for node in victims(1) { impersonate(node, target) }
        case .replay: replay()
        case .stallMembers(let count, let seconds):
            let members = Array(
                Array(0..<SimulatedEtcd.members).shuffled(using: &random).prefix(count)
            )
            stall(members, isStalled: true)
            undo(.resumeMembers(members), after: seconds)
        case .losePower(let seconds): losePower(for: seconds)
        case .cutFromStore(let seconds):
            shared?.cuts += 1
            undo(.reachStore, after: seconds)
        case .storeFull(let seconds):
            shared?.etcd.isFull = true
            undo(.emptyStore, after: seconds)
        case .diskFull(let seconds):
            shell.isDiskFull = true
            undo(.emptyDisk, after: seconds)
        case .mismeasure(let count):
            for worker in spareWorkers(count).flatMap(\.workers) {
                worker.logic.measuresNonsense = true
                judge.speeds.isDisturbed = true
            }
        case .miscompute(let alike):
            for node in victims(1) {
                aWorker(of: node).logic.miscomputes = alike ? .always : .now
                judge.damage.miscomputes(node.id)
            }
        case .crawl:
            for node in victims(1) {
                aWorker(of: node).logic.crawls = true
                judge.damage.crawls(node.id)
            }
            // Before a step was measured, a second try is given several times the time of the first. A
            // node that trains alone has no other to be told from: the run ends after four tries.
            troubleUntil = max(troubleUntil, now + (setup.minimumNodes == 1 ? 10_000 : 1000))
        case .stop(let atOnce):
            guard !shell.isFrozen, !shell.isDown else { return }
            for _ in 0..<(atOnce ? 2 : 1) { tell(.stopRequested(reason: "someone")) }
        case .depose(let seconds):
            guard !shell.isFrozen, !shell.isDown, shell.crash == nil, shared == nil else { return }
            shell.deposedFor = seconds
            tell(.tick)
        case .clog:
            for node in victims(1) {
                node.isClogged = true
                doomed.insert(node.id)
            }
        case .outOfMemory(let seconds):
            for node in victims(1) {
                node.isOutOfMemory = true
                kill(aWorker(of: node).process)
                addNode(node.name, after: seconds)
            }
        case .slow(let factor, let seconds):
            for node in spareWorkers(1) { slow(aWorker(of: node), factor, seconds) }
        case .flip(let flip):
            for node in victims(1) { self.flip(flip, of: aWorker(of: node)) }
        case .miscomputeAtTimes:
            for node in victims(1) {
                aWorker(of: node).logic.miscomputes = .atTimes
                judge.damage.miscomputes(node.id)
            }
        case .storm(let count, let seconds):
            for _ in 0..<count { addNode(after: random.seconds(0...seconds)) }
            troubleUntil = max(troubleUntil, now + seconds)
        case .save:
            guard !shell.isFrozen, !shell.isDown else { return }
            tell(.saveRequested)
        }
    }

    func undo(_ undo: Undo, after seconds: Double) {
        agenda.add(.undo(undo), at: now + seconds)
        troubleUntil = max(troubleUntil, now + seconds)
    }

    // MARK: Whom it hits

    /// Nodes that work and are part of the run.
    private var workingNodes: [SimulatedNode] {
        nodes.keys.sorted().compactMap { nodes[$0] }.filter {
            $0.isWorking && !judge.out.contains($0.id) && !network.isCutOff($0.id)
                && !doomed.contains($0.id)
        }
    }

    private func spareWorkers(_ count: Int) -> [SimulatedNode] {
        Array(workingNodes.shuffled(using: &random).prefix(count))
    }

    private func victims(_ count: Int) -> [SimulatedNode] {
        let hit = spareWorkers(count)
        hurt.formUnion(hit.map(\.id))
        return hit
    }

    private func randomPipeline() -> [SimulatedNode] {
        let pipelines = judge.inForce?.plan.pipelines ?? []
        guard !pipelines.isEmpty else { return [] }
        let nodes = pipelines[random.index(below: pipelines.count)].nodes
        hurt.formUnion(nodes)
        return nodes.compactMap { self.nodes[$0] }.filter(\.agent.isRunning)
    }

    /// Whether the run promises to survive that many more hurt nodes.
    ///
    /// Every layer has all of its copies again once a plan that excludes the hurt ones has been
    /// seen to train.
    private func canAfford(_ cost: Int, isDrain: Bool) -> Bool {
        guard setup.isWithinTolerance, cost > 0 || isDrain else { return true }
        noteRecovery()
        let needed = (setup.faultTolerance + 1) * setup.minimumNodes
        let ready = judge.usableNodes.filter(isHealthy).count
        let spare = ready - (isDrain ? setup.faultTolerance + 1 : cost)
        return hurt.count + cost <= setup.faultTolerance && spare >= needed
    }

    /// No node counts as hurt any more once a plan trains with enough copies of every layer, on nodes
    /// that all work and whose streams are open.
    func noteRecovery() {
        // While the disk is full, losses may be decided on that nothing is seen of yet.
        guard !shell.instance.isWaiting else { return }
        if let plan = judge.trainingPlan, plan.plan.pipelines.count > setup.faultTolerance,
            plan.nodes.allSatisfy({ isHealthy($0) && isConnected($0) }), !areParted(plan.nodes),
            !hasSuspects(plan.nodes)
        {
            // Newcomers that are not planned for yet may still be hurt.
            let usable = judge.usableNodes
            hurt = hurt.filter { node in
                usable.contains(node)
                    && (!isHealthy(node) || usable.contains { network.areParted(node, $0) })
            }
        }
    }

    /// Whether the coordinator has not heard one of them for a while: it may be taken for lost next,
    /// though it is reached again.
    private func hasSuspects(_ nodes: [NodeID]) -> Bool {
        shell.instance.status(now: Seconds(now)).nodes.contains {
            $0.state == .suspect && nodes.contains($0.id)
        }
    }

    /// Whether the coordinator has all of a node's sessions.
    private func isConnected(_ node: NodeID) -> Bool {
        nodes[node]?.processes.map(\.session).allSatisfy { session in
            session.map { sessions[$0].isOpenHere && shell.streams.contains($0) } ?? false
        } ?? false
    }

    /// Whether two of them do not reach each other: it will cost one of them.
    private func areParted(_ nodes: [NodeID]) -> Bool {
        nodes.contains { one in nodes.contains { network.areParted(one, $0) } }
    }

    private func isHealthy(_ node: NodeID) -> Bool {
        nodes[node]?.isWorking == true && !network.isCutOff(node) && !judge.out.contains(node)
            && !doomed.contains(node) && nodes[node]?.isSound == true
    }

    // MARK: How it hits them

    private func kill(_ target: WorldFault.Target, of node: SimulatedNode) {
        if target == .machine {
            node.isPowered = false
            log("machine \(node.id) is off")
        }
        for process in processes(target, of: node) { kill(process) }
    }

    private func freeze(_ node: SimulatedNode, _ target: WorldFault.Target, _ seconds: Double) {
        let processes = processes(target, of: node)
        for process in processes { process.isFrozen = true }
        log("\(target.rawValue) \(node.id) is frozen")
        undo(.thaw(processes), after: seconds)
    }

    private func processes(
        _ target: WorldFault.Target,
        of node: SimulatedNode
    ) -> [SimulatedProcess] {
        switch target {
        case .agent: [node.agent]
        case .worker: [aWorker(of: node).process]
        case .node, .machine: node.processes
        }
    }

    /// One of a node's workers, by chance.
    private func aWorker(of node: SimulatedNode) -> SimulatedTrainer {
        let count = node.workers.count
        return node.workers[count > 1 ? random.index(below: count) : 0]
    }

    private func cutOff(
        _ node: SimulatedNode,
        _ direction: WorldFault.Direction,
        _ seconds: Double
    ) {
        let (up, down) = (direction != .toNode, direction != .fromNode)
        block(node.id, up: up, down: down, by: 1)
        log("node \(node.id) is cut off \(direction.rawValue)")
        undo(.reconnect(node.id, up: true, down: true), after: seconds)
        // Streams stand still both ways once acknowledgements stay out.
        let starving = Undo.starve(node.id, up: !up, down: !down)
        agenda.add(.undo(starving), at: now + min(seconds, random.seconds(0.2...1)))
    }

    private func block(_ node: NodeID, up: Bool, down: Bool, by count: Int) {
        if up { network.blockedUp[node, default: 0] += count }
        if down { network.blockedDown[node, default: 0] += count }
    }

    private func split(_ pair: [SimulatedNode], _ seconds: Double) {
        guard pair.count == 2 else { return }
        part(pair[0].id, pair[1].id, by: 1)
        log("nodes \(pair[0].id) and \(pair[1].id) do not reach each other")
        undo(.rejoin(pair[0].id, pair[1].id), after: seconds)
    }

    private func part(_ one: NodeID, _ other: NodeID, by count: Int) {
        network.parted[.init(from: one, to: other), default: 0] += count
        network.parted[.init(from: other, to: one), default: 0] += count
    }

    private func slow(_ worker: SimulatedTrainer, _ factor: Double, _ seconds: Double?) {
        // One of a node at a time: a node is as slow as its slowest worker.
        guard judge.speeds.slowed(worker.process.worker, factor) else { return }
        worker.logic.slowness = factor
        log("worker \(worker.process.worker) is \(Int(factor)) times slower")
        if let seconds { undo(.hasten(worker), after: seconds) }
    }

    private func flip(_ flip: WorldFault.Flip, of worker: SimulatedTrainer) {
        let (id, held) = (worker.process.worker, worker.logic.layers)
        let layers = held.keys.sorted()
        guard !layers.isEmpty else { return }
        let layer = layers[random.index(below: layers.count)]
        log("a bit of layer \(layer) of worker \(id) flips: \(flip)")
        judge.damage.flipped(id.node)
        switch flip {
        case .state:
            let bit = random.index(below: 64)
            worker.logic.layers[layer] = held[layer].map { StateDamage.flipped($0, bit: bit) }
        case .update: worker.logic.damage.nextUpdate = layer
        case .sum: worker.logic.damage.nextSum = true
        }
    }

    private func flap(_ node: NodeID, left: Int) {
        guard let machine = nodes[node] else { return }
        kill(.node, of: machine)
        let next = boot(machine.name)
        guard left > 1 else { return }
        undo(.flap(next.id, left: left - 1), after: 2)
    }

    private func impersonate(_ node: SimulatedNode, _ target: WorldFault.Target) {
        let role: SimulatedProcess.Role = target == .agent ? .agent : .worker
        let process = SimulatedProcess(node: node.id, role: role)
        process.isRunning = true
        process.isImpostor = true
        // The coordinator cannot tell which of two workers holds the state: neither counts.
        if role == .worker { doomed.insert(node.id) }
        sessions.append(WorldSession(process: process))
        let session = sessions.count - 1
        let hello = SessionHello(node: node.id, pid: 9999)
        transmit(.hello(hello), over: session, isUp: true)
    }

    /// What workers said in this or an old session comes once more, past the transport.
    private func replay() {
        guard !shell.isFrozen, !shell.isDown else { return }
        for session in sessions.indices.shuffled(using: &random) {
            for message in sessions[session].past {
                // The pieces of a layer rely on the stream: they carry no number.
                if case .layerChunk = message { continue }
                tell(.worker(sessions[session].process.worker, message))
            }
        }
    }

    // MARK: How it ends

    func perform(_ undo: Undo) {
        switch undo {
        case .thaw(let processes): for process in processes { thaw(process) }
        case .reconnect(let node, let up, let down):
            block(node, up: up, down: down, by: -1)
            log("node \(node) is reached again")
            if !network.isBlocked(node, isUp: true) { flush(node, isUp: true) }
            if !network.isBlocked(node, isUp: false) { flush(node, isUp: false) }
        case .starve(let node, let up, let down): block(node, up: up, down: down, by: 1)
        case .rejoin(let one, let other): rejoin(one, other)
        case .thawCoordinator:
            log("the coordinator goes on")
            thawCoordinator()
        case .restartCoordinator: restartCoordinator()
        case .emptyDisk: shell.isDiskFull = false
        case .resumeMembers(let members): stall(members, isStalled: false)
        case .reachStore: shared?.cuts -= 1
        case .emptyStore: shared?.etcd.isFull = false
        case .calm: network.jitter = 0
        case .hasten(let worker):
            worker.logic.slowness = 1
            judge.speeds.hastened(worker.process.worker)
        case .flap(let node, let left):
            guard shell.outcome == nil else { return }
            guard canAfford(1, isDrain: false) else {
                return self.undo(.flap(node, left: left), after: 0.1)
            }
            hurt.insert(node)
            flap(node, left: left)
        }
    }

    private func thaw(_ process: SimulatedProcess) {
        guard process.isFrozen else { return }
        process.isFrozen = false
        guard process.isRunning else { return }
        log("\(process.role.rawValue) \(process.worker) goes on")
        let backlog = process.backlog
        process.backlog = []
        for happening in backlog { agenda.add(happening, at: now) }
    }

    private func rejoin(_ one: NodeID, _ other: NodeID) {
        part(one, other, by: -1)
        guard !network.areParted(one, other) else { return }
        log("nodes \(one) and \(other) reach each other again")
        for pair in [WorldNetwork.Pair(from: one, to: other), .init(from: other, to: one)] {
            for held in network.heldData.removeValue(forKey: pair) ?? [] {
                transmitData(held.message, from: held.from, to: held.to)
            }
        }
    }
}
