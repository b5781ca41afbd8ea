import OobleckTemplates
public import OobleckValues
import OobleckWords

/// Decides the next plan after nodes were lost, joined or drained (`Documentation/Planner.md`,
/// "Reconfiguration").
///
/// Keeps the templates made so far, so that a decision after a loss makes none, and the last plan,
/// so that nodes stay in their pipelines where that costs nothing.
public struct Reconfigurator: Sendable {
    private let generator: TemplateGenerator
    private let faultTolerance: Int
    private let microbatches: Int
    private let policy: ReplanPolicy
    private let cores: Double?
    private let minimumNodes: Int
    private var prepared: (templates: TemplateSet, instantiator: Instantiator)?
    /// The pipelines for a count of nodes, of the prepared templates.
    private var choices: [Int: PlanChoice] = [:]
    var previous: [Pipeline] = []

    /// A reconfigurator for one run, whose nodes share `cores` cores; `nil` gives each its own.
    ///
    /// Where devices do not share stages (`sharesStages`), each stage has one device.
    ///
    /// Throws ``OobleckError`` when the values make no sense or no number of nodes can hold the
    /// model.
    public init(
        profile: ModelProfile,
        costModel: CostModel,
        faultTolerance: Int,
        microbatches: Int,
        devicesPerNode: Int = 1,
        sharesStages: Bool = true,
        policy: ReplanPolicy = .optimal,
        cores: Double? = nil
    ) throws {
        guard faultTolerance >= 0 else {
            throw OobleckError(
                .usage,
                "fault tolerance is \(faultTolerance); it must be at least 0"
            )
        }
        guard microbatches > 0 else {
            throw OobleckError(
                .usage,
                "microbatches of a step are \(microbatches); there must be at least 1"
            )
        }
        generator = try TemplateGenerator(
            profile: profile,
            devicesPerNode: devicesPerNode,
            sharesStages: sharesStages,
            costModel: costModel
        )
        guard let minimum = generator.minimumNodes(upTo: profile.layers.count) else {
            throw generator.noPlanError(nodes: profile.layers.count)
        }
        self.faultTolerance = faultTolerance
        self.microbatches = microbatches
        self.policy = policy
        self.cores = cores
        minimumNodes = minimum
    }

    /// Records the plan in force: nodes keep their places in it where that costs nothing.
    public mutating func adopt(_ plan: ExecutionPlan) { previous = plan.pipelines }

    /// The plan of generation `generation` for these nodes, or why there is none.
    ///
    /// - Parameters:
    ///   - nodes: The nodes that live and may be used, newcomers included.
    ///   - holdings: The layers whose valid state each living node holds. A node outside of `nodes`
    ///     is a source only for layers that no node of the plan holds.
    ///   - hasState: Whether a step was committed. Without one there is nothing to copy or lose.
    ///   - generation: The number of the plan to make.
    ///   - costs: What plans are judged by. Slow nodes are left idle where that costs less and as
    ///     many failures stay covered.
    ///   - bounds: Loads under which nodes ran out of memory. They are given less, or nothing: a
    ///     node for which the best plan has no place that it can hold stays idle.
    /// - Returns: The plan with its transfers, or the reason why none exists.
    public mutating func decide(
        nodes: [NodeID],
        holdings: [NodeID: Set<Int>],
        hasState: Bool,
        generation: Generation,
        costs: ReconfigurationCosts = ReconfigurationCosts(),
        bounds: [NodeID: [MemoryBound]] = [:]
    ) -> ReconfigurationDecision {
        func decision(_ nodes: [NodeID]) -> ReconfigurationDecision {
            decideWithinMemory(
                nodes: nodes,
                holdings: holdings,
                hasState: hasState,
                generation: generation,
                costs: costs,
                bounds: bounds
            )
        }
        let nodes = Set(nodes).sorted()
        let earlier = previous
        let withAll = decision(nodes)
        guard case .plan(let document, let isCovered) = withAll, !costs.slowness.isEmpty,
            let fastest = leastStep(nodes: nodes.count)
        else { return withAll }
        var best = (decision: withAll, pipelines: previous)
        var least = costs.cost(of: document, fastest: fastest)
        for idle in costs.slowestFirst(nodes) {
            let others = nodes.filter { !idle.contains($0) }
            guard let step = leastStep(nodes: others.count),
                costs.cost(step: step, transfer: .zero, fastest: fastest) < least
            else { continue }
            previous = earlier
            let without = decision(others)
            guard case .plan(var other, let coversToo) = without, coversToo || !isCovered else {
                continue
            }
            let cost = costs.cost(of: other, fastest: fastest)
            guard cost < least else { continue }
            least = cost
            other.idleNodes = Set(other.idleNodes).union(idle).sorted()
            other.reason += "; idle, because they are slow: \(phrase(idle.sorted()))"
            best = (.plan(other, coversFaultTolerance: coversToo), previous)
        }
        previous = best.pipelines
        return best.decision
    }

    /// The least step time of this count of nodes that are as fast as the profile says; `nil` for too few.
    private mutating func leastStep(nodes: Int) -> Seconds? {
        guard nodes >= minimumNodes else { return nil }
        return choice(nodes: nodes, prepare(nodes: nodes).1)?.instantiation.step
    }

    /// The best plan that uses as many of these nodes as possible, and the nodes without the memory
    /// for it.
    mutating func decide(
        fitting nodes: [NodeID],
        holdings: [NodeID: Set<Int>],
        hasState: Bool,
        generation: Generation,
        costs: ReconfigurationCosts,
        bounds: [NodeID: [MemoryBound]]
    ) -> (decision: ReconfigurationDecision, overloaded: [NodeID]) {
        let layers = generator.profile.layers
        let holders = PlanComparison.holders(holdings, layerCount: layers.count)
        let lost = holders.indices.filter { hasState && holders[$0].isEmpty }
        guard lost.isEmpty else {
            let names = generator.profile.layers.map(\.name)
            return (.lostLayers(lost, reason: lostLayersPhrase(lost, names: names)), [])
        }
        guard nodes.count >= minimumNodes else {
            let decision = ReconfigurationDecision.tooFewNodes(
                alive: nodes.count,
                minimum: minimumNodes,
                reason: "\(counted(nodes.count, "node")) left, "
                    + "\(generator.profile.model) needs at least \(minimumNodes); "
                    + "add \(minimumNodes - nodes.count)"
            )
            return (decision, [])
        }
        let (templates, instantiator) = prepare(nodes: nodes.count)
        guard let choice = choice(nodes: nodes.count, instantiator) else {
            preconditionFailure("no choice for \(nodes.count) nodes from \(minimumNodes) upward")
        }
        let comparison = PlanComparison(
            templates: templates,
            instantiator: instantiator,
            profile: generator.profile,
            holdings: holdings,
            hasState: hasState,
            previous: previous,
            costs: costs,
            bounds: bounds
        )
        let published = hasState && !previous.isEmpty ? comparison.published(nodes: nodes) : nil
        var (option, next) = comparison.best(choice, nodes: nodes, published: published)
        if policy == .sosp23, let published { (option, next) = (published, option) }
        let plan = option.executionPlan(generation)
        previous = plan.pipelines
        let reason = PlanReason(
            PlanChoice(
                instantiation: option.instantiation,
                idleNodes: choice.idleNodes,
                wantedPipelines: choice.wantedPipelines,
                runnerUp: next?.instantiation ?? choice.runnerUp
            ),
            minimumNodes: minimumNodes,
            costModel: generator.costModel
        )
        let document = PlanDocument(
            costModel: generator.costModel,
            devicesPerNode: generator.devicesPerNode,
            microbatches: microbatches,
            guarantee: templates.guarantee,
            templates: templates.templates,
            plan: plan,
            reason: reason.line(
                devices: generator.devicesPhrase(
                    plan.pipelines.map(\.templateNodes),
                    of: templates
                ),
                copy: hasState ? copyPhrase(option.transfers) : nil,
                comparesAll: !hasState || policy == .sosp23 || choice.alternatives != nil
            ),
            transfers: option.transfers,
            planningTime: PlanningTime(templates: .zero, instantiation: .zero),
            idleNodes: Set(nodes).subtracting(plan.nodes).sorted(),
            sharedCores: cores
        )
        let isCovered = plan.pipelines.count > faultTolerance
        return (
            .plan(document, coversFaultTolerance: isCovered), comparison.overloaded(option)
        )
    }

    /// Chooses the pipelines for up to f nodes fewer than `nodes` ahead of time, so that a decision
    /// after losses has only to place the nodes.
    public mutating func prepareForLosses(nodes: Int) {
        guard nodes >= minimumNodes else { return }
        let (_, instantiator) = prepare(nodes: nodes)
        for count in stride(from: nodes - 1, through: nodes - faultTolerance, by: -1)
        where count >= minimumNodes {
            _ = choice(nodes: count, instantiator)
        }
    }

    /// Made once for each count of nodes.
    private mutating func choice(nodes: Int, _ instantiator: Instantiator) -> PlanChoice? {
        if let choice = choices[nodes] { return choice }
        let choice = instantiator.choice(nodes: nodes, faultTolerance: faultTolerance)
        choices[nodes] = choice
        return choice
    }

    /// The templates for `nodes` nodes; computed only for more nodes than in any earlier call.
    private mutating func prepare(nodes: Int) -> (TemplateSet, Instantiator) {
        if let prepared, nodes <= prepared.templates.guarantee.maximumNodes {
            return (prepared.templates, prepared.instantiator)
        }
        do {
            let templates = try generator.templates(
                nodes: nodes,
                faultTolerance: faultTolerance,
                known: prepared?.templates
            )
            let instantiator = try Instantiator(
                templates: templates.templates,
                profile: generator.profile,
                costModel: generator.costModel,
                microbatches: microbatches,
                cores: cores
            )
            prepared = (templates, instantiator)
            choices = [:]
            return (templates, instantiator)
        } catch {
            preconditionFailure("no templates for \(nodes) nodes from \(minimumNodes) on: \(error)")
        }
    }

    private func copyPhrase(_ transfers: [LayerTransfer]) -> String {
        guard !transfers.isEmpty else { return "nothing to copy" }
        let bytes = transfers.reduce(ByteCount.zero) { $0 + $1.bytes }
        return "\(bytes) to copy in \(counted(transfers.count, "layer"))"
    }
}
