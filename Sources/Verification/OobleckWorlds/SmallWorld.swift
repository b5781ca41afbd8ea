import OobleckCoordination
import OobleckCore
import OobleckReconfiguration

/// Three nodes and a coordinator without a clock: all that is left is the order in which messages
/// arrive and nodes die or join.
///
/// Small enough to go through every order.
///
/// Messages of one node to the coordinator keep their order, and so do those to it; news of a death
/// comes over the agent's stream and overtakes what the worker said, or not. Time stands still, so
/// nothing is ever given up for being late: what happens must come from events alone. When the
/// coordinator dies, another takes over at once, and all that live come back to it.
struct SmallWorld {
    /// One thing that may happen next.
    enum Move: Hashable {
        case toCoordinator(NodeID)
        case toWorker(NodeID)
        case data(NodeID, NodeID)
        case compute(NodeID)
        case kill(NodeID)
        case newsOfDeath(NodeID)
        case join
        /// The coordinator dies: at once, or after so many directives of the next event.
        case crash(directives: Int)
    }

    /// Often enough for the coordinator not to take itself for absent.
    private static let tick: Seconds = 0.75
    /// As long as any deadline lasts.
    private static let mostTicks = 200

    private struct Pair: Hashable {
        let from: NodeID
        let to: NodeID
    }

    private enum Data: Hashable {
        case request(Generation, layer: Int)
        case delivery(Generation, layer: Int, SimulatedWorker.LayerState)
    }

    private var instance: CoordinatorInstance
    private(set) var workers: [NodeID: SimulatedWorker] = [:]
    private(set) var ledger: [CommittedStep] = []
    private(set) var complaints: [String] = []
    private(set) var outcome: RunOutcome?
    private var up: [NodeID: [CoordinatorInstance.Input]] = [:]
    private var down: [NodeID: [CoordinatorMessage]] = [:]
    private var data: [Pair: [Data]] = [:]
    private var computing: [NodeID: (generation: Generation, step: Int)] = [:]
    private var dead: Set<NodeID> = []
    private var untold: Set<NodeID> = []
    private var fenced: Set<NodeID> = []
    private var newest = Generation(-1)
    private(set) var killsLeft: Int
    private(set) var joinsLeft: Int
    private(set) var crashesLeft: Int
    private var crashIn: Int?
    private var now: Seconds = 1
    private var store = DurableState()
    private var memories: [NodeID: WorkerMemory] = [:]
    private let bugs: KnownBugs
    let nodes: Int
    let steps: Int

    init(
        nodes: Int,
        steps: Int,
        kills: Int,
        joins: Int,
        crashes: Int,
        bugs: KnownBugs
    ) throws {
        self.nodes = nodes
        self.steps = steps
        self.bugs = bugs
        killsLeft = kills
        joinsLeft = joins
        crashesLeft = crashes
        var coordinator = try ToyModel.shared.roomyCoordinator(nodes: nodes, steps: steps)
        coordinator.putBack(bugs)
        instance = CoordinatorInstance(coordinator)
        for _ in 0..<nodes { join() }
    }

    /// What may happen next, in a fixed order.
    var moves: [Move] {
        guard outcome == nil else { return [] }
        var moves: [Move] = []
        for node in workers.keys.sorted() {
            if up[node]?.isEmpty == false { moves.append(.toCoordinator(node)) }
            if untold.contains(node) { moves.append(.newsOfDeath(node)) }
            guard !dead.contains(node) else { continue }
            if down[node]?.isEmpty == false { moves.append(.toWorker(node)) }
            if computing[node] != nil { moves.append(.compute(node)) }
        }
        let pairs = data.keys.filter { !dead.contains($0.to) && !(data[$0] ?? []).isEmpty }
        for pair in pairs.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }) {
            moves.append(.data(pair.from, pair.to))
        }
        return moves
    }

    /// What may go wrong next.
    var disturbances: [Move] {
        guard outcome == nil else { return [] }
        let living = workers.keys.filter { !dead.contains($0) && !fenced.contains($0) }.sorted()
        let crashes = [0, 1, 3].map { Move.crash(directives: $0) }
        return (killsLeft > 0 ? living.map { .kill($0) } : []) + (joinsLeft > 0 ? [.join] : [])
            + (crashesLeft > 0 ? crashes : [])
    }

    mutating func make(_ move: Move) {
        switch move {
        case .toCoordinator(let node):
            guard let input = up[node]?.removeFirst() else { return }
            tell(input)
        case .toWorker(let node):
            guard let message = down[node]?.removeFirst() else { return }
            memories[node]?.heard(message)
            act(node) { worker, random in worker.receive(message, random: &random) }
        case .data(let from, let to): deliver(Pair(from: from, to: to))
        case .compute(let node):
            guard let task = computing.removeValue(forKey: node) else { return }
            act(node) { worker, _ in worker.vote(of: task.generation, step: task.step) }
        case .kill(let node):
            killsLeft -= 1
            dead.insert(node)
            untold.insert(node)
            computing[node] = nil
            down[node] = []
        case .newsOfDeath(let node):
            untold.remove(node)
            tell(.agent(Self.agent(node), .workerExited(evidence: "killed")))
        case .join:
            joinsLeft -= 1
            join()
        case .crash(let directives):
            crashesLeft -= 1
            crashIn = directives
            if directives == 0 { crash() }
        }
    }

    private mutating func join() { joinAnew(NodeID(workers.count)) }

    /// A node says hello for the first time to this coordinator.
    private mutating func joinAnew(_ node: NodeID) {
        workers[node] = SimulatedWorker(id: WorkerID(node))
        memories[node] = WorkerMemory(worker: WorkerID(node))
        let agent = SessionHello(node: node, pid: Self.agentPID(node))
        let worker = SessionHello(node: node, pid: Self.workerPID(node))
        up[node] = [
            .hello(Self.agent(node), .agent, agent, isOwn: false),
            .hello(Self.worker(node), .worker, worker, isOwn: false),
        ]
    }

    private mutating func deliver(_ pair: Pair) {
        guard let message = data[pair]?.removeFirst() else { return }
        switch message {
        case .request(let generation, let layer):
            act(pair.to) { worker, _ in
                worker.request(from: WorkerID(pair.from), generation, layer: layer)
            }
        case .delivery(let generation, let layer, let state):
            act(pair.to) { worker, _ in worker.take(layer, state, of: generation) }
        }
    }

    private mutating func act(
        _ node: NodeID,
        _ body: (inout SimulatedWorker, inout SeededRandom) -> [SimulatedWorker.Action]
    ) {
        var random = SeededRandom(seed: 0)
        guard
            let actions = workers[node].map({ worker in
                var worker = worker
                let actions = body(&worker, &random)
                workers[node] = worker
                return actions
            })
        else { return }
        for action in actions {
            switch action {
            case .say(let message, _):
                memories[node]?.said(message)
                up[node, default: []].append(.worker(Self.worker(node), .message(message)))
            case .ask(let source, let generation, let layer):
                data[Pair(from: node, to: source.node), default: []]
                    .append(.request(generation, layer: layer))
            case .answer(let other, let generation, let layer, let state):
                data[Pair(from: node, to: other.node), default: []]
                    .append(.delivery(generation, layer: layer, state))
            case .compute(let generation, let step): computing[node] = (generation, step)
            case .exit: dead.insert(node)
            case .write, .load: complaints.append("a small world saves no checkpoints")
            }
        }
    }

    private mutating func tell(_ input: CoordinatorInstance.Input) {
        instance.handle(input, now: now)
        while let directive = instance.next(now: now) {
            perform(directive)
            instance.completed(now: now)
            guard let left = crashIn else { continue }
            crashIn = left - 1
            if left <= 1 { return crash() }
        }
    }

    private mutating func perform(_ directive: CoordinatorInstance.Directive) {
        switch directive {
        case .persist(let change): store.apply(change)
        case .worker(let session, .message(let message)):
            let node = Self.node(session)
            if fenced.contains(node) { complaints.append("a message to node \(node)") }
            check(message)
            if !dead.contains(node) { down[node, default: []].append(message) }
        case .agent(let session, .refused(let reason)):
            complaints.append("node \(Self.node(session)) is not admitted: \(reason)")
        case .fence(let node):
            fenced.insert(node)
            dead.insert(node)
        case .record(let step):
            if step.step != ledger.count { complaints.append("step \(step.step) again") }
            ledger.append(step)
        // The next coordinator finds the result of a completed run.
        case .conclude(let outcome):
            if case .completed = outcome { self.outcome = outcome }
        case .finish(let outcome): self.outcome = outcome
        default: break
        }
    }

    private mutating func check(_ message: CoordinatorMessage) {
        switch message {
        case .reconfigure(let plan):
            if plan.generation < newest { complaints.append("generation \(plan.generation) again") }
            newest = max(newest, plan.generation)
            if plan.committedSteps != ledger.count { complaints.append("a plan for another step") }
        case .commit(let commit) where commit.step >= ledger.count:
            complaints.append("commit of step \(commit.step), which is not in the ledger")
        default: break
        }
    }

    /// A number for all that decides what can happen from here on.
    var fingerprint: UInt64 {
        let parts: [Any] = [
            workers, up, down, data, computing.mapValues { "\($0)" }, dead, untold, fenced, ledger,
            killsLeft, joinsLeft, newest, crashesLeft, crashIn as Any, store, memories,
        ]
        var result = StateFingerprint.of(
            instance.coordinator,
            skipping: ["job", "profile", "deadlines", "reconfigurator", "account", "knownBugs"]
        )
        // Nothing is left to perform between two moves.
        result = scramble(
            result ^ StateFingerprint.of(instance, skipping: ["coordinator", "handshake", "work"])
        )
        for part in parts { result = scramble(result ^ StateFingerprint.of(part)) }
        return result
    }
}

// MARK: - Restart

extension SmallWorld {
    private static func agentPID(_ node: NodeID) -> Int { 100 + node.rawValue }
    private static func workerPID(_ node: NodeID) -> Int { 200 + node.rawValue }

    private static func agent(_ node: NodeID) -> SessionID { SessionID(2 * node.rawValue) }
    private static func worker(_ node: NodeID) -> SessionID { SessionID(2 * node.rawValue + 1) }
    private static func node(_ session: SessionID) -> NodeID { NodeID(session.rawValue / 2) }

    /// What was under way is lost; another coordinator starts from what was kept.
    private mutating func crash() {
        crashIn = nil
        guard outcome == nil else { return }
        if let step = store.committed, step.step == ledger.count { ledger.append(step) }
        store.apply(.tookOver(term: store.term + 1))
        do {
            var coordinator = try ToyModel.shared.roomyCoordinator(
                nodes: nodes,
                steps: steps,
                restoring: store
            )
            coordinator.putBack(bugs)
            instance = CoordinatorInstance(coordinator)
        } catch {
            complaints.append("cannot restart: \(error)")
        }
        up = [:]
        down = [:]
        // Agents whose workers died look for the next coordinator no more.
        untold = []
        fenced.formUnion(store.nodes.filter(\.value.isOut).keys)
        let living = workers.keys.filter { !dead.contains($0) }.sorted()
        for node in living {
            if store.nodes[node] == nil {
                // It was never told its number.
                joinAnew(node)
            } else if fenced.contains(node) {
                // It is refused, and ends.
                dead.insert(node)
            } else {
                comeBack(node)
            }
        }
        // A run with nobody to wait for goes on with the first tick.
        tell(.event(.tick))
    }

    private mutating func comeBack(_ node: NodeID) {
        let agent = SessionHello(node: node, pid: Self.agentPID(node), isReturning: true)
        let worker = SessionHello(
            node: node,
            pid: Self.workerPID(node),
            isReturning: true,
            testimony: memories[node]?.testimony ?? WorkerTestimony()
        )
        up[node] = [
            .hello(Self.agent(node), .agent, agent, isOwn: false),
            .agent(Self.agent(node), .heartbeat),
            .hello(Self.worker(node), .worker, worker, isOwn: false),
            .worker(Self.worker(node), .heartbeat),
        ]
    }
}

// MARK: - The end

extension SmallWorld {
    /// What is wrong with the world when nothing more goes wrong: it must complete as the
    /// undisturbed run.
    func flaws() -> [String] {
        var world = self
        // Each message is delivered once; a run that needs more than so many moves goes in circles.
        var left = 5000
        while world.outcome == nil, left > 0 {
            if let next = world.moves.first { world.make(next) } else { world.waitForNews() }
            left -= 1
            if world.now > 600 { break }
        }
        return world.complaints
            + world.workers.keys.sorted().flatMap { node in
                world.workers[node]?.problems ?? []
            } + world.endFlaws()
    }

    /// A node that died before a coordinator that restarted had ever heard of it is missed by nobody
    /// but the clock: it ticks, and who lives gives signs of life, until something follows from it.
    private mutating func waitForNews() {
        for _ in 0..<Self.mostTicks where outcome == nil && moves.isEmpty {
            now = now + Self.tick
            for node in workers.keys.sorted() where !dead.contains(node) {
                tell(.agent(Self.agent(node), .heartbeat))
                tell(.worker(Self.worker(node), .heartbeat))
            }
            tell(.event(.tick))
        }
    }

    private func endFlaws() -> [String] {
        let reference = ToyModel.shared.reference(steps: steps)
        guard case .completed(let digests, _) = outcome else {
            return ["it ends with \(outcome.map { "\($0)" } ?? "nothing left to happen")"]
        }
        var flaws: [String] = []
        if digests != reference.states[steps].map({ "\($0)" }) { flaws.append("another state") }
        if ledger.map(\.loss) != reference.losses { flaws.append("other losses") }
        return flaws
    }
}
