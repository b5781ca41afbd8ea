public import OobleckReconfiguration
import OobleckTemplates
public import OobleckValues

/// Pipeline templates: the survivors get other pipelines and copy what they miss.
///
/// Up to ``mostExactNodes`` nodes every decision is made by ``Reconfigurator``, the value that the
/// coordinator asks, with the layers that each node holds. Beyond, the step is that of
/// ``StepTable``, the copies those of the heaviest node of the smallest template, and a layer is
/// taken for lost when as many nodes go at once as there are pipelines.
public struct OobleckPolicy: ResiliencePolicy {
    /// Most nodes for which plans are made as in production.
    public static let mostExactNodes = 256

    let table: StepTable
    private let checkpoints: CheckpointPlan
    let isExact: Bool
    /// Bytes of the state of the heaviest node of the smallest template.
    let heaviestNode: Int
    private(set) var reconfigurator: Reconfigurator
    /// Of the table, which worlds that are simulated side by side would wait for.
    private var steps = CountMemo<StepTable.Elastic?>()
    /// Layers of each node: valid now, and after the running recovery.
    private(set) var holdings: [NodeID: Set<Int>] = [:]
    private var promised: [NodeID: Set<Int>] = [:]
    var drained = NodeSet()
    /// How many times slower the nodes are that are known to be slow.
    var slowness: [NodeID: Double] = [:]
    /// Whether the plan in force has more pipelines than losses that it must survive.
    var coversFaultTolerance = false
    private(set) var generation: Generation?
    var hasStarted = false
    private(set) var isHalted = false
    /// Pipelines of the plan in force.
    public internal(set) var pipelines = 0
    /// The document of the plan in force, if made as in production.
    public private(set) var document: PlanDocument?

    /// A policy for at most `nodes` nodes; checkpoints are for losses of a layer's last copy.
    ///
    /// - Throws: ``OobleckError`` as ``Instantiator`` and ``TemplateGenerator``.
    public init(
        _ table: StepTable,
        _ policy: ReplanPolicy,
        nodes: Int,
        checkpoints: CheckpointPlan
    ) throws {
        self.table = table
        self.checkpoints = checkpoints
        isExact = nodes <= Self.mostExactNodes
        heaviestNode = table.templates.templates.first.map { table.heaviestNode($0) } ?? 0
        reconfigurator = try Reconfigurator(
            profile: table.model.profile,
            costModel: table.model.costModel,
            faultTolerance: table.model.faultTolerance,
            microbatches: table.model.microbatches,
            devicesPerNode: table.model.devicesPerNode,
            policy: policy
        )
    }

    /// See ``ResiliencePolicy``.
    public mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        if !view.isRecovering { holdings = promised }
        switch event {
        case .start:
            drained = NodeSet()
            holdings = holdings.filter { view.alive.contains($0.key.rawValue) }
            slowness = slowness.filter { view.alive.contains($0.key.rawValue) }
            let phases =
                hasStarted
                ? [PolicyAnswer.Phase(.recovering, SimulatedTime(table.model.restart))] : []
            return reconfigure(view, .none, phases)
        case .lost(let nodes, let kind):
            let worked = nodes.contains { isInvolved($0, view) }
            for node in nodes {
                drained.remove(node)
                slowness[NodeID(node)] = nil
                holdings[NodeID(node)] = nil
                promised[NodeID(node)] = nil
            }
            guard worked else { return nil }
            let detecting = PolicyAnswer.Phase(.detecting, table.model.detection(kind))
            return reconfigure(
                view,
                .runningStep,
                [detecting, table.model.rebuilding(view)],
                lost: nodes.count
            )
        case .changed(let joined, let leaving, let slow):
            for node in leaving where view.alive.contains(node) { drained.insert(node) }
            let isAdapting = isExact ? adapt(to: slow, view) : evict(slow, view)
            let isChanged = isAdapting || !joined.isEmpty || !leaving.isEmpty
            return isChanged ? reconfigure(view, .none, [table.model.rebuilding(view)]) : nil
        }
    }

    /// Whether the plan in force, or the one on its way into force, needs the node.
    private func isInvolved(_ node: Int, _ view: ClusterView) -> Bool {
        guard isExact, let document else { return !drained.contains(node) }
        let isSource =
            view.isRecovering && document.transfers.contains { $0.fromNode.rawValue == node }
        return !isHalted && (isSource || document.plan.nodes.contains(NodeID(node)))
    }

    /// See ``StepTable/elasticStep(nodes:)``.
    mutating func step(nodes: Int) -> StepTable.Elastic? {
        let table = table
        return steps.value(nodes) { table.elasticStep(nodes: nodes) }
    }

    private mutating func reconfigure(
        _ view: ClusterView,
        _ rollback: PolicyAnswer.Rollback,
        _ phases: [PolicyAnswer.Phase],
        lost: Int = 0
    ) -> PolicyAnswer? {
        guard isExact else { return estimate(view, rollback, phases, lost: lost) }
        switch decide(view, hasState: hasStarted) {
        case .plan(let decided, let isCovered):
            coversFaultTolerance = isCovered
            let document = slowness.isEmpty ? decided : decided.balanced(for: slowness)
            // What changes nothing for any node is not put into force.
            let isSame = self.document?.givesSameWork(as: document) == true
            if rollback == .none, isSame, !isHalted { return nil }
            return follow(document, view, rollback, phases + [copying(document.transfers)])
        case .tooFewNodes:
            promised = holdings
            isHalted = true
            return PolicyAnswer(rollback, [], then: nil)
        case .lostLayers:
            guard case .plan(let document, _) = decide(view, hasState: false) else {
                promised = [:]
                holdings = [:]
                isHalted = true
                return PolicyAnswer(.checkpoint, [], then: nil)
            }
            return follow(document, view, .checkpoint, phases + table.model.restoring)
        }
    }

    /// What plans are judged by now.
    func costs(_ view: ClusterView) -> ReconfigurationCosts {
        ReconfigurationCosts(
            elapsed: Seconds(view.time.seconds),
            lostNodes: view.lostNodes,
            nodes: view.alive.count,
            linkBandwidth: table.model.networkBandwidth,
            slowness: slowness
        )
    }

    private mutating func decide(_ view: ClusterView, hasState: Bool) -> ReconfigurationDecision {
        let (decision, kept) = reconfigurator.decide(
            nodes: view.alive.all.map { NodeID($0) },
            draining: drained.all.map { NodeID($0) },
            holdings: holdings,
            hasState: hasState,
            generation: generation?.next ?? 0,
            costs: costs(view)
        )
        for (node, _) in kept { drained.remove(node.rawValue) }
        return decision
    }

    private mutating func follow(
        _ document: PlanDocument,
        _ view: ClusterView,
        _ rollback: PolicyAnswer.Rollback,
        _ phases: [PolicyAnswer.Phase]
    ) -> PolicyAnswer {
        self.document = document
        generation = document.plan.generation
        hasStarted = true
        isHalted = false
        promised = [:]
        for pipeline in document.plan.pipelines {
            let layers = document.template(nodes: pipeline.templateNodes)?.layersByNode ?? []
            for (node, held) in zip(pipeline.nodes, layers) { promised[node] = Set(held) }
        }
        pipelines = document.plan.pipelines.count
        var idle = view.alive
        for pipeline in document.plan.pipelines {
            for node in pipeline.nodes { idle.remove(node.rawValue) }
        }
        let step = SimulatedTime(document.plan.stepTime)
        return PolicyAnswer(rollback, phases, then: training(step, idle: idle))
    }

    /// All copies at once, each over its own links: as long as the busiest node sends or receives.
    private func copying(_ transfers: [LayerTransfer]) -> PolicyAnswer.Phase {
        var sent: [NodeID: Int] = [:]
        var received: [NodeID: Int] = [:]
        for transfer in transfers {
            sent[transfer.fromNode, default: 0] += transfer.bytes.value
            received[transfer.toNode, default: 0] += transfer.bytes.value
        }
        let most = max(sent.values.max() ?? 0, received.values.max() ?? 0)
        return PolicyAnswer.Phase(.copying, table.model.copyTime(bytes: most))
    }

    func training(_ step: SimulatedTime, idle: NodeSet) -> PolicyAnswer.Training {
        PolicyAnswer.Training(
            step: step,
            samples: table.model.samplesPerStep,
            idle: idle,
            checkpoints: rhythm(step)
        )
    }

    private func rhythm(_ step: SimulatedTime) -> CheckpointRhythm {
        checkpoints.rhythm(table.model, step: step, nodesPerPipeline: table.minimumNodes)
    }
}
