import OobleckCoordination
import OobleckCore

/// A coordinator and its workers on a virtual clock: links with random delays that keep their
/// order, and deaths, joins, drains and false alarms at seeded moments.
package struct SimulatedCluster {
    /// How often what may go wrong does.
    package struct Weather {
        package var kills = 0
        package var joins = 0
        package var drains = 0
        package var alarms = 0
        /// Probability that a death gives no evidence but silence.
        package var silent = 0.1
        /// Probability that what is taken for dead goes on talking.
        package var undead = 0.15
        /// Probability that a kill falls just after a plan, resume or commit was sent.
        package var aimed = 0.5
        /// Probability that a write to the checkpoint store fails, or what it wrote is damaged.
        package var disk = 0.0
        /// Nodes that join once the worst is over.
        package var rescues = 0

        package init(kills: Int = 0, joins: Int = 0, drains: Int = 0, alarms: Int = 0) {
            self.kills = kills
            self.joins = joins
            self.drains = drains
            self.alarms = alarms
        }
    }

    enum Happening {
        /// Something on a link to or from a coordinator, which is void once that one is dead.
        indirect case session(Int, Happening)
        /// A worker that outlived its coordinator found the next.
        case comesBack(NodeID)
        case toWorker(NodeID, CoordinatorMessage)
        case toCoordinator(CoordinatorEvent)
        case request(NodeID, to: NodeID, Generation, layer: Int)
        case delivery(to: NodeID, Generation, layer: Int, SimulatedWorker.LayerState)
        case computed(NodeID, Generation, step: Int)
        case writes(NodeID, CheckpointOrder, layer: Int, SimulatedWorker.LayerState)
        case loads(NodeID, RestorePoint, Generation, layer: Int)
        case store(CheckpointAction)
        case says(NodeID, WorkerMessage)
        case beat(NodeID)
        case kill
        case join
        case drain
        case alarm
        case tick
    }

    static let shell = NodeID(-1)

    package let model = ToyModel()
    package let steps: Int
    package internal(set) var coordinator: Coordinator
    package internal(set) var workers: [NodeID: SimulatedWorker] = [:]
    /// The steps that count.
    package internal(set) var ledger: [CommittedStep] = []
    /// Every step ever committed.
    package internal(set) var history: [CommittedStep] = []
    package internal(set) var restored: [RestoredRun] = []
    package private(set) var disk: SimulatedDisk
    /// What the coordinator kept for the next one.
    package internal(set) var store = DurableState()
    package private(set) var changes: [DurableChange] = []
    package private(set) var events: [RunEvent] = []
    package internal(set) var recoveries: [RecoveryRecord] = []
    package private(set) var outcome: RunOutcome?
    package internal(set) var problems: [String] = []
    package private(set) var now = 0.0
    /// Deaths of the coordinator to come: after how many events, and how many directives of the last
    /// of them are still performed.
    package var crashes: [Int: Int] = [:]
    package private(set) var eventCount = 0
    /// How the coordinator's deaths are told apart.
    var session = 0
    /// Nodes whose sessions are open.
    var connected: Set<NodeID> = []
    var memories: [NodeID: WorkerMemory] = [:]
    let job: JobSpecification
    /// Layers by node under the last plan that resumed: the judge's own account.
    package private(set) var holdings: [NodeID: [Int]] = [:]
    package private(set) var fenced: Set<NodeID> = []
    package private(set) var stored: [Int: (generation: Generation, bytes: [UInt8])] = [:]
    private var released: Set<NodeID> = []
    var heardReady: Set<NodeID> = []
    private var plans: [Generation: Reconfiguration] = [:]
    var random: SeededRandom
    var agenda = Agenda<Happening>()
    private var links: [[NodeID]: Double] = [:]
    private var weather: Weather
    private var aimedKills = 0

    package init(
        seed: UInt64,
        nodes: Int,
        steps: Int,
        weather: Weather,
        checkpoint: CheckpointSpecification? = nil
    ) throws {
        self.steps = steps
        self.weather = weather
        random = SeededRandom(seed: seed)
        job = model.job(nodes: nodes, steps: steps, checkpoint: checkpoint)
        disk = SimulatedDisk(keep: checkpoint?.keep ?? 1, trouble: weather.disk)
        coordinator = try model.coordinator(nodes: nodes, steps: steps, checkpoint: checkpoint)
        for _ in 0..<nodes { agenda.add(.join, at: random.seconds(0...0.1)) }
        let length = 0.2 + 0.05 * Double(steps)
        for _ in 0..<weather.kills {
            if random.chance(weather.aimed) {
                aimedKills += 1
            } else {
                agenda.add(.kill, at: random.seconds(0...length))
            }
        }
        for _ in 0..<weather.joins { agenda.add(.join, at: random.seconds(0.1...length)) }
        for _ in 0..<weather.drains { agenda.add(.drain, at: random.seconds(0.1...length)) }
        for _ in 0..<weather.alarms { agenda.add(.alarm, at: random.seconds(0.1...length)) }
        for _ in 0..<weather.rescues {
            agenda.add(.join, at: length + random.seconds(1...2))
        }
        agenda.add(.tick, at: 0)
    }

    /// Runs until the coordinator ends the run, or the time is up.
    package mutating func run(until limit: Double) {
        while outcome == nil, let (time, happening) = agenda.next() {
            guard time <= limit else {
                problems.append("not over after \(limit) s: \(coordinator.status(now: .zero))")
                return
            }
            now = time
            happen(happening)
        }
        problems += workers.keys.sorted().flatMap { workers[$0]?.problems ?? [] }
    }

    private mutating func happen(_ happening: Happening) {
        switch happening {
        case .session(let number, let happening):
            if number == session { happen(happening) }
        case .comesBack(let node): comeBack(node)
        case .toWorker(let node, let message):
            if workers[node]?.isRunning == true { memories[node]?.heard(message) }
            act(on: node) { worker, random in worker.receive(message, random: &random) }
        case .toCoordinator(let event): tell(event)
        case .request(let node, let source, let generation, let layer):
            act(on: source) { worker, _ in worker.request(from: node, generation, layer: layer) }
        case .delivery(let node, let generation, let layer, let state):
            act(on: node) { worker, _ in worker.take(layer, state, of: generation) }
        case .computed(let node, let generation, let step):
            finishComputing(node, generation, step)
        case .writes(let node, let order, let layer, let state):
            guard workers[node]?.isRunning == true else { return }
            let outcome = disk.write(state, layer: layer, of: order, random: &random)
            let report = ShardReport(
                generation: order.generation,
                step: order.step,
                layer: layer,
                outcome: outcome,
                heldUp: 0.001
            )
            say(.shard(report), from: node)
        case .loads(let node, let point, let generation, let layer):
            let state = disk.layer(layer, of: point)
            act(on: node) { worker, _ in worker.load(layer, state, of: generation) }
        case .store(let action):
            if let outcome = disk.perform(action, random: &random) { tell(.checkpoint(outcome)) }
        case .says(let node, let message):
            if workers[node]?.isRunning == true { say(message, from: node) }
        case .beat(let node): beat(node)
        case .kill: killSomeone()
        case .join: join()
        case .drain:
            guard let node = workers.keys.sorted().randomElement(using: &random) else { return }
            tell(.drainRequested(node))
        case .alarm:
            guard let node = alive.randomElement(using: &random), let worker = workers[node] else {
                return
            }
            say(.faulted(generation: worker.generation, message: "alarm"), from: node)
        case .tick:
            tell(.tick)
            agenda.add(.tick, at: now + 0.2)
        }
    }

    private var alive: [NodeID] { workers.filter { $0.value.isRunning }.keys.sorted() }

    /// Sends something over a link: after a delay, but not before what was sent earlier.
    mutating func transmit(_ what: Happening, from: NodeID, to: NodeID) {
        var what = what
        if from == Self.shell || to == Self.shell { what = .session(session, what) }
        let delay = random.chance(0.03) ? random.seconds(0.01...0.08) : random.seconds(0...0.004)
        let time = max(now + delay, links[[from, to], default: 0])
        links[[from, to]] = time
        agenda.add(what, at: time)
    }

    private mutating func act(
        on node: NodeID,
        _ body: (inout SimulatedWorker, inout SeededRandom) -> [SimulatedWorker.Action]
    ) {
        guard var worker = workers[node], worker.isRunning else { return }
        let actions = body(&worker, &random)
        workers[node] = worker
        for action in actions {
            switch action {
            case .say(let message, let delay): agenda.add(.says(node, message), at: now + delay)
            case .ask(let source, let generation, let layer):
                let request = Happening.request(node, to: source, generation, layer: layer)
                transmit(request, from: node, to: source)
            case .answer(let other, let generation, let layer, let state):
                let answer = Happening.delivery(to: other, generation, layer: layer, state)
                transmit(answer, from: node, to: other)
            case .compute(let generation, let step):
                let time = now + random.seconds(0.005...0.03)
                agenda.add(.computed(node, generation, step: step), at: time)
            case .write(let order, let layer, let state):
                let happening = Happening.writes(node, order, layer: layer, state)
                agenda.add(happening, at: now + random.seconds(0.005...0.2))
            case .load(let point, let generation, let layer):
                let happening = Happening.loads(node, point, generation, layer: layer)
                agenda.add(happening, at: now + random.seconds(0.001...0.02))
            case .exit:
                workers[node]?.isRunning = false
                let event = CoordinatorEvent.nodeLost(node, evidence: "worker exited: 0")
                transmit(.toCoordinator(event), from: node, to: Self.shell)
            }
        }
    }

    /// With a dead peer a worker may still get through, notice, or hang until it is told.
    private mutating func finishComputing(_ node: NodeID, _ generation: Generation, _ step: Int) {
        guard let worker = workers[node], worker.isRunning else { return }
        let peers = plans[generation]?.plan.nodes ?? []
        let isBroken = peers.contains { workers[$0]?.isRunning != true }
        if isBroken, random.chance(0.7) {
            if random.chance(0.7) {
                let fault = WorkerMessage.faulted(generation: generation, message: "peer closed")
                agenda.add(.says(node, fault), at: now + 0.002)
            }
            return
        }
        act(on: node) { worker, _ in worker.vote(of: generation, step: step) }
    }

    private mutating func beat(_ node: NodeID) {
        guard workers[node]?.isRunning == true else { return }
        if connected.contains(node) {
            transmit(.toCoordinator(.agentHeard(node)), from: node, to: Self.shell)
            transmit(.toCoordinator(.workerHeard(node)), from: node, to: Self.shell)
        }
        agenda.add(.beat(node), at: now + 0.3)
    }

    private mutating func say(_ message: WorkerMessage, from node: NodeID) {
        memories[node]?.said(message)
        guard connected.contains(node) else { return }
        transmit(.toCoordinator(.worker(node, message)), from: node, to: Self.shell)
    }

    mutating func join() {
        guard let node = try? coordinator.admit(requested: nil) else { return }
        if workers[node] != nil || fenced.contains(node) { problems.append("\(node) given twice") }
        workers[node] = SimulatedWorker(id: node)
        memories[node] = WorkerMemory(node: node)
        connected.insert(node)
        let pid = 100 + node.rawValue
        transmit(.toCoordinator(.agentJoined(node, agentPID: pid)), from: node, to: Self.shell)
        transmit(.toCoordinator(.workerJoined(node, workerPID: pid)), from: node, to: Self.shell)
        beat(node)
    }

    private mutating func killSomeone() {
        guard let node = alive.filter({ !fenced.contains($0) }).randomElement(using: &random) else {
            return
        }
        // What it said before is still under way; evidence overtakes it or not.
        let isUndead = random.chance(weather.undead)
        if !isUndead { workers[node]?.isRunning = false }
        if !isUndead, random.chance(weather.silent) { return }
        let event = CoordinatorEvent.nodeLost(node, evidence: "killed")
        agenda.add(.toCoordinator(event), at: now + random.seconds(0.001...0.06))
    }

    private mutating func tell(_ event: CoordinatorEvent) {
        if case .worker(let node, .ready) = event, !fenced.contains(node) {
            heardReady.insert(node)
        }
        eventCount += 1
        let crash = crashes[eventCount]
        let directives = coordinator.handle(event, now: Seconds(now))
        for directive in directives.prefix(crash ?? .max) { perform(directive) }
        if crash != nil, outcome == nil { restart() }
    }
}

// MARK: - The shell, which judges what it is told to do

extension SimulatedCluster {
    private mutating func perform(_ directive: CoordinatorDirective) {
        if outcome != nil { problems.append("a directive follows the end: \(directive)") }
        switch directive {
        case .send(let node, let message):
            if fenced.contains(node) { problems.append("message to fenced node \(node)") }
            judge(message, to: node)
            transmit(.toWorker(node, message), from: Self.shell, to: node)
            aim()
        case .fence(let node, _):
            fenced.insert(node)
            holdings[node] = nil
        case .record(let step):
            if step.step != ledger.count { problems.append("step \(step.step) out of order") }
            ledger.append(step)
            history.append(step)
        case .persist(let change):
            changes.append(change)
            store.apply(change)
        case .log(let event): events.append(event)
        case .publish, .dismiss, .recordArithmetic, .closeSessions: break
        case .recovered(let record): recoveries.append(record)
        case .store(let chunk):
            if let before = stored[chunk.layer], before.generation >= chunk.generation {
                stored[chunk.layer]?.bytes += chunk.bytes
            } else {
                stored[chunk.layer] = (chunk.generation, chunk.bytes)
            }
        case .checkpoint(let action):
            agenda.add(.store(action), at: now + random.seconds(0...0.05))
        case .restored(let restored):
            if restored.step > ledger.count { problems.append("\(restored.step) restored") }
            ledger.removeLast(max(0, ledger.count - restored.step))
            self.restored.append(restored)
        case .conclude: break
        case .finish(let outcome): self.outcome = outcome
        }
    }

    private mutating func judge(_ message: CoordinatorMessage, to node: NodeID) {
        switch message {
        case .reconfigure(let plan):
            plans[plan.generation] = plan
            if !fenced.isDisjoint(with: plan.plan.nodes) {
                problems.append("a plan with a fenced node")
            }
            if let point = plan.restore {
                if point.step > ledger.count || lostLayers.isEmpty {
                    problems.append("goes back to \(point.step) though nothing is lost")
                }
                return
            }
            if plan.committedSteps != ledger.count {
                problems.append(
                    "a plan for \(counted(plan.committedSteps, "step")) of \(ledger.count)"
                )
            }
            if ledger.count > 0, !lostLayers.isEmpty {
                problems.append("a plan although layers \(lostLayers) are lost")
            }
        case .resume(let generation, _):
            let layers = plans[generation]?.layersByNode ?? [:]
            holdings = layers.filter { !fenced.contains($0.key) }
        case .stop(let reason) where reason.hasSuffix("is drained"):
            released.insert(node)
        default: break
        }
    }

    private mutating func aim() {
        guard aimedKills > 0, random.chance(0.02) else { return }
        aimedKills -= 1
        agenda.add(.kill, at: now + random.seconds(0...0.015))
    }

    /// Layers that nobody alive holds.
    package var lostLayers: [Int] {
        let held = Set(holdings.values.joined())
        return (0..<ToyModel.layerCount).filter { !held.contains($0) }
    }

    /// Nodes a plan could use.
    package var usableNodes: Int { heardReady.subtracting(fenced).subtracting(released).count }
}
