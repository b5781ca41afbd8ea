import OobleckCore
import OobleckReconfiguration

/// What the coordinator knows of one worker.
struct MemberWorker: Sendable {
    var pid: Int?
    /// Last sign of life; `nil` before the first.
    var heard: Seconds?
    /// Whether it can be planned for.
    var isReady = false
    /// Layers whose state after the last committed step it holds.
    var holdings: Set<Int> = []
}

/// What the coordinator knows of one node.
///
/// Its life is the node's: one worker that is lost loses the node, and the node can be planned for when
/// all of its workers can.
struct CoordinatorMember: Sendable {
    /// The life of a node; it only ever moves down this list.
    enum Life: Sendable {
        /// A worker of it is not ready yet.
        case joining
        /// Its workers can be planned for.
        case usable
        /// Drained: it left in order.
        case gone
        /// Lost or refused: nothing it says counts.
        case dead
    }

    var life = Life.joining
    /// What it calls itself, before and after a death; empty is unknown.
    var name = ""
    /// What its machine calls itself; empty is unknown.
    var machine = ""
    var agentPID: Int?
    /// By device.
    var workers: [MemberWorker]
    /// When the coordinator first saw it in an event.
    var since: Seconds?
    /// Last sign of life; `nil` before the first.
    var agentHeard: Seconds?
    var isSuspect = false
    var isDraining = false
    /// How it is told of once it is out.
    var ending = NodeStatus.State.dead
    /// What the newest plan for it gives it to hold.
    var given = MemoryBound(layers: [], bytes: .zero)

    /// A node of which only the count of its devices is known.
    init(devices: Int) { workers = Array(repeating: MemberWorker(), count: devices) }

    /// Layers whose state after the last committed step the node holds.
    var holdings: Set<Int> { workers.reduce(into: []) { $0.formUnion($1.holdings) } }

    var hasWorker: Bool { workers.contains { $0.pid != nil } }

    /// The state of these layers counts no more; `nil` is of all.
    mutating func forget(_ layers: Set<Int>? = nil) {
        for device in workers.indices {
            workers[device].holdings = layers.map { workers[device].holdings.subtracting($0) } ?? []
        }
    }

    var isAlive: Bool { life == .joining || life == .usable }

    /// Its part of `status --format json`, without its place in the plan.
    var state: NodeStatus.State {
        switch life {
        case .dead, .gone: ending
        case .joining: .joining
        case .usable: isDraining ? .draining : isSuspect ? .suspect : .healthy
        }
    }

    /// The side of the node that has been silent the longest, and since when.
    var quietest: (side: SessionSide, heard: Seconds)? {
        let worker =
            life == .usable
            ? workers.compactMap(\.heard).min().map { (side: SessionSide.worker, heard: $0) } : nil
        let agent = agentHeard.map { (side: SessionSide.agent, heard: $0) }
        return [worker, agent].compactMap { $0 }.min { $0.heard < $1.heard }
    }
}

/// A plan with what follows from it.
struct CoordinatorPlan: Sendable {
    let document: PlanDocument
    /// The layers of each worker of the plan, in ascending order.
    let layersByWorker: [WorkerID: [Int]]
    /// Nodes of the plan, in ascending order.
    let nodes: [NodeID]
    /// Workers with a stage, in ascending order.
    let workers: [WorkerID]
    /// Who gets the plan: its workers, and the sources of its transfers.
    let recipients: [WorkerID]
    /// What each of them is told.
    let reconfiguration: Reconfiguration
    /// The most bytes that one worker receives or loads.
    let mostReceived: ByteCount
    /// Whether the run starts again from its first state, although steps were committed.
    let startsOver: Bool

    /// Those of the nodes whose machine has another of them; `nil` for none.
    static func sharing(_ nodes: [NodeID], _ machines: [NodeID: String]) -> [NodeID]? {
        let named = nodes.filter { machines[$0]?.isEmpty == false }
        let groups = Dictionary(grouping: named) { machines[$0] }
        let sharing = groups.values.filter { $0.count > 1 }.joined().sorted()
        return sharing.isEmpty ? nil : sharing
    }

    /// Takes the plan after `committedSteps` steps, or throws when it does not bring every layer's
    /// state to where it puts the layer.
    ///
    /// With a checkpoint all layers come from there; a run that `startsOver` makes them anew.
    init(
        _ document: PlanDocument,
        committedSteps: Int,
        restoring point: RestorePoint? = nil,
        startsOver: Bool = false,
        layers: [LayerProfile],
        holdings: [WorkerID: Set<Int>],
        expectedStep: Seconds,
        link: Double? = nil,
        provesArithmetic: Bool = false,
        machines: [NodeID: String] = [:]
    ) throws {
        let plan = document.plan
        let used = Set(plan.pipelines.map(\.templateNodes))
        let committedSteps = startsOver ? 0 : committedSteps
        let hasState = committedSteps > 0 && point == nil
        self.startsOver = startsOver
        let transfers = hasState ? document.transfers : []
        var reconfiguration = Reconfiguration(
            plan: plan,
            templates: document.templates.filter { used.contains($0.nodes) },
            committedSteps: point?.step ?? committedSteps,
            transfers: transfers,
            restore: point,
            expectedStep: expectedStep
        )
        reconfiguration.linkBytesPerSecond = link
        if provesArithmetic { reconfiguration.provesArithmetic = true }
        reconfiguration.sharingNodes = Self.sharing(plan.nodes, machines)
        self.reconfiguration = reconfiguration
        guard used.isSubset(of: document.templates.map(\.nodes)) else {
            throw Self.fault(plan, "lacks one of its templates of \(used.sorted()) nodes")
        }
        self.document = document
        nodes = plan.nodes
        layersByWorker = reconfiguration.layersByWorker
        workers = layersByWorker.keys.sorted()
        recipients = Set(workers + transfers.map(\.sender)).sorted()
        var received: [WorkerID: ByteCount] = [:]
        for transfer in transfers { received[transfer.receiver, default: 0] += transfer.bytes }
        if point != nil {
            received = layersByWorker.mapValues { $0.reduce(0) { $0 + layers[$1].stateBytes } }
        }
        mostReceived = received.values.max() ?? 0
        guard Set(layersByWorker.values.joined()) == Set(layers.indices) else {
            throw Self.fault(plan, "does not cover all \(counted(layers.count, "layer"))")
        }
        if hasState { try checkSources(holdings) }
    }

    /// The plan that an earlier coordinator put into force.
    ///
    /// Its copies were checked then, and are done.
    init(inForce document: PlanDocument, layers: [LayerProfile]) throws {
        try self.init(
            document,
            committedSteps: 0,
            layers: layers,
            holdings: [:],
            expectedStep: document.plan.stepTime
        )
    }

    var generation: Generation { document.plan.generation }

    /// The step that the run goes back to with this plan; `nil` when it goes on from what is held.
    var restoredStep: Int? { reconfiguration.restore?.step ?? (startsOver ? 0 : nil) }

    /// Whether both plans put the same work on the same nodes.
    func isSame(as other: PlanDocument) -> Bool {
        document.givesSameWork(as: other)
    }

    private func checkSources(_ holdings: [WorkerID: Set<Int>]) throws {
        var present = holdings
        for transfer in reconfiguration.transfers {
            guard holdings[transfer.sender]?.contains(transfer.layer) == true else {
                let what = "copies layer \(transfer.layer) from node \(transfer.sender)"
                throw Self.fault(document.plan, "\(what), which does not hold it")
            }
            present[transfer.receiver, default: []].insert(transfer.layer)
        }
        for worker in workers {
            let missing = Set(layersByWorker[worker] ?? []).subtracting(present[worker] ?? [])
            guard missing.isEmpty else {
                let what = "leaves node \(worker) without the state of layers \(missing.sorted())"
                throw Self.fault(document.plan, what)
            }
        }
    }

    private static func fault(_ plan: ExecutionPlan, _ what: String) -> OobleckError {
        OobleckError(.internalFault, "plan of generation \(plan.generation) \(what)")
    }
}
