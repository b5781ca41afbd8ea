import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

/// A coordinator under test with the hand that drives it step by step.
struct CoordinatorBench {
    var coordinator: Coordinator
    var now = 0.0
    /// What the last event led to.
    var last: [CoordinatorDirective] = []
    /// The newest plan sent out, and as it is published.
    var plan: Reconfiguration?
    var document: PlanDocument?

    init(
        nodes: Int,
        steps: Int = 10,
        faultTolerance: Int = 1,
        checkpoint: CheckpointSpecification? = nil
    ) throws {
        coordinator = try ToyModel().coordinator(
            nodes: nodes,
            steps: steps,
            faultTolerance: faultTolerance,
            checkpoint: checkpoint
        )
    }

    /// A bench whose nodes train under their first plan.
    static func training(
        nodes: Int,
        steps: Int = 10,
        faultTolerance: Int = 1,
        checkpoint: CheckpointSpecification? = nil
    ) throws -> CoordinatorBench {
        var bench = try CoordinatorBench(
            nodes: nodes,
            steps: steps,
            faultTolerance: faultTolerance,
            checkpoint: checkpoint
        )
        for _ in 0..<nodes { try bench.join() }
        bench.prepareAll()
        bench.resumeAll()
        return bench
    }

    @discardableResult
    mutating func tell(_ event: CoordinatorEvent) -> [CoordinatorDirective] {
        last = coordinator.handle(event, now: Seconds(now))
        for case .send(_, .reconfigure(let new)) in last { plan = new }
        for case .publish(let new) in last { document = new }
        return last
    }

    @discardableResult
    mutating func say(_ node: NodeID, _ message: WorkerMessage) -> [CoordinatorDirective] {
        tell(.worker(WorkerID(node), message))
    }

    @discardableResult
    mutating func join(
        corpus: String = "c0ffee",
        becomesReady: Bool = true
    ) throws -> NodeID {
        let node = try coordinator.admit(requested: nil)
        tell(.agentJoined(node, agentPID: 100 + node.rawValue))
        tell(.workerJoined(WorkerID(node), workerPID: 200 + node.rawValue))
        if becomesReady { say(node, .ready(corpusDigest: corpus)) }
        return node
    }

    var generation: Generation { plan?.generation ?? Generation(-1) }
    var nodes: [NodeID] { plan?.plan.nodes ?? [] }
    var step: Int { coordinator.status(now: 0).step }
    var phase: RunStatus.Phase { coordinator.status(now: 0).phase }

    func layers(of node: NodeID) -> [Int] { plan?.layersByNode[node] ?? [] }

    func report() -> PreparationReport {
        PreparationReport(generation: generation, rebuild: 0.04, transfer: 0.02, received: 300)
    }

    /// All nodes of the plan, or these, report it prepared.
    ///
    /// Returns all that follows.
    @discardableResult
    mutating func prepareAll(_ some: [NodeID]? = nil) -> [CoordinatorDirective] {
        let report = report()
        return (some ?? nodes).flatMap { say($0, .prepared(report)) }
    }

    @discardableResult
    mutating func resumeAll() -> [CoordinatorDirective] {
        nodes.flatMap { say($0, .resumed(generation: generation, step: step)) }
    }

    /// A correct vote for the step in flight.
    func vote(_ node: NodeID, norm: Double = 0.01, loss: Double = 2) -> StepVote {
        var losses: [Int: Double] = [:]
        var first = 0
        for pipeline in plan?.plan.pipelines ?? [] {
            if pipeline.nodes.contains(node), layers(of: node).contains(ToyModel.layerCount - 1) {
                for index in first..<first + pipeline.microbatches { losses[index] = loss }
            }
            first += pipeline.microbatches
        }
        return StepVote(
            generation: generation,
            step: step,
            squaredNorms: Dictionary(uniqueKeysWithValues: layers(of: node).map { ($0, norm) }),
            losses: losses,
            busy: 0.01
        )
    }

    /// All nodes of the plan vote for the step in flight; returns all that follows.
    @discardableResult
    mutating func voteAll(norm: Double = 0.01, loss: Double = 2) -> [CoordinatorDirective] {
        let votes = nodes.map { ($0, vote($0, norm: norm, loss: loss)) }
        return votes.flatMap { say($0.0, .vote($0.1)) }
    }

    /// Time passes in ticks of a quarter second; all nodes but the silent ones give signs of life.
    ///
    /// Returns all that follows.
    @discardableResult
    mutating func wait(
        _ duration: Double,
        silentWorkers: Set<NodeID> = [],
        silentAgents: Set<NodeID> = []
    ) -> [CoordinatorDirective] {
        var all: [CoordinatorDirective] = []
        let end = now + duration
        while now < end - 1e-9 {
            now = min(end, now + 0.25)
            for status in coordinator.status(now: 0).nodes where status.state.isAlive {
                if !silentWorkers.contains(status.id) {
                    all += tell(.workerHeard(WorkerID(status.id)))
                }
                if !silentAgents.contains(status.id) { all += tell(.agentHeard(status.id)) }
            }
            all += tell(.tick)
        }
        return all
    }
}

extension [CoordinatorDirective] {
    /// Who is told to save what.
    var orders: [NodeID: CheckpointOrder] {
        var orders: [NodeID: CheckpointOrder] = [:]
        for case .send(let worker, .checkpoint(let order)) in self { orders[worker.node] = order }
        return orders
    }

    /// What the checkpoint store is asked to do.
    var actions: [CheckpointAction] {
        compactMap { if case .checkpoint(let action) = $0 { action } else { nil } }
    }

    /// Messages sent, with who gets them.
    var sent: [(node: NodeID, message: CoordinatorMessage)] {
        compactMap { directive in
            guard case .send(let worker, let message) = directive else { return nil }
            return (worker.node, message)
        }
    }

    func events(_ kind: RunEvent.Kind) -> [RunEvent] {
        compactMap { directive in
            guard case .log(let event) = directive, event.kind == kind else { return nil }
            return event
        }
    }

    var fenced: [NodeID] {
        compactMap { directive in
            guard case .fence(let node, _) = directive else { return nil }
            return node
        }
    }

    var commits: [StepCommit] {
        sent.compactMap { entry in
            guard case .commit(let commit) = entry.message else { return nil }
            return commit
        }
    }

    /// Who is told to prepare a plan.
    var reconfigured: [NodeID] {
        sent.compactMap { entry in
            guard case .reconfigure = entry.message else { return nil }
            return entry.node
        }
    }

    var aborted: [NodeID] {
        sent.compactMap { entry in
            guard case .abort = entry.message else { return nil }
            return entry.node
        }
    }

    var resumed: [NodeID] {
        sent.compactMap { entry in
            guard case .resume = entry.message else { return nil }
            return entry.node
        }
    }

    var stopped: [NodeID] {
        sent.compactMap { entry in
            guard case .stop = entry.message else { return nil }
            return entry.node
        }
    }

    /// Uploads asked for, by node.
    var uploads: [NodeID: [Int]] {
        var uploads: [NodeID: [Int]] = [:]
        for case .send(let worker, .collect(_, let layers)) in self {
            uploads[worker.node] = layers
        }
        return uploads
    }

    var recoveries: [RecoveryRecord] {
        compactMap { directive in
            guard case .recovered(let record) = directive else { return nil }
            return record
        }
    }

    /// Why the run stopped, if it did.
    var stopError: OobleckError? {
        guard case .finish(.stopped(let error)) = last else { return nil }
        return error
    }
}
