import OobleckTemplates
public import OobleckValues
import OobleckWords

/// Computes the plan that follows when nodes are lost or join (`oobleck replan`).
///
/// Works from what `plan.json` holds: its templates, pipelines and microbatches. The profile adds
/// the bytes of each layer and the time of the synchronisation, which is otherwise taken to be what
/// it was in the old plan (0 with one pipeline, as always).
public struct Replanner: Sendable {
    let document: PlanDocument
    let templates: TemplateSet
    let instantiator: Instantiator
    let hasProfile: Bool
    let profile: ModelProfile
    /// The layers that each node of the plan holds; none for one that is idle.
    let held: [NodeID: Set<Int>]
    let costs: ReconfigurationCosts
    /// The pipelines for fewer nodes than the plan has, by their count: made once, asked often.
    private let prepared: [Int: PlanChoice]

    /// A replanner for one plan.
    ///
    /// - Parameters:
    ///   - document: The plan in force.
    ///   - profile: The profile that it was made from.
    ///   - costs: What plans are judged by.
    ///   - preparedLosses: For up to how many losses the pipelines are computed now, not when they
    ///     are asked for.
    /// - Throws: ``OobleckError/Code/inputData`` for a plan that makes no sense or a profile of
    ///   another model; ``OobleckError/Code/usage`` for costs that make no sense.
    public init(
        _ document: PlanDocument,
        profile: ModelProfile? = nil,
        costs: ReconfigurationCosts = ReconfigurationCosts(),
        preparedLosses: Int = 0
    ) throws {
        try document.validate()
        try costs.validate()
        try profile?.validate()
        let sorted = document.templates.sorted { $0.nodes < $1.nodes }
        let layerCount = sorted[0].stages.last?.endLayer ?? 0
        if let profile, profile.layers.count != layerCount {
            throw OobleckError(
                .inputData,
                "the profile has \(counted(profile.layers.count, "layer")), the plan \(layerCount); "
                    + "give the profile that the plan was made from"
            )
        }
        self.document = document
        hasProfile = profile != nil
        let known = profile ?? Self.standIn(document, layers: layerCount)
        self.profile = known
        templates = TemplateSet(
            templates: sorted,
            minimumNodes: sorted[0].nodes,
            guarantee: document.guarantee
        )
        instantiator = try Instantiator(
            templates: sorted,
            profile: known,
            costModel: document.costModel,
            microbatches: document.microbatches,
            cores: document.sharedCores
        )
        var held: [NodeID: Set<Int>] = [:]
        for pipeline in document.plan.pipelines {
            let template = document.template(nodes: pipeline.templateNodes)
            for (node, layers) in zip(pipeline.nodes, template?.layersByNode ?? []) {
                held[node] = Set(layers)
            }
        }
        for node in document.idleNodes { held[node] = [] }
        self.held = held
        self.costs = costs
        var prepared: [Int: PlanChoice] = [:]
        for losses in stride(from: 1, through: min(preparedLosses, held.count), by: 1) {
            let nodes = held.count - losses
            prepared[nodes] = instantiator.choice(
                nodes: nodes,
                faultTolerance: document.guarantee.faultTolerance
            )
        }
        self.prepared = prepared
    }

    /// What is known of a model without its profile: the count of layers, and the synchronisation
    /// of the old plan, whatever the count of pipelines.
    private static func standIn(_ document: PlanDocument, layers: Int) -> ModelProfile {
        let constant = document.plan.synchronizationTime
        let unknown = LayerProfile(name: "", forward: .zero, backward: .zero)
        var first = unknown
        // There are never more pipelines than microbatches, and between is interpolated.
        first.allReduceAcrossNodes = [2: constant, max(3, document.microbatches): constant]
        return ModelProfile(
            model: "",
            microbatchSize: 1,
            layers: [first] + Array(repeating: unknown, count: max(0, layers - 1))
        )
    }

    /// The next plan, with its reason and the layers to copy.
    ///
    /// - Parameters:
    ///   - lost: Nodes of the plan that are lost.
    ///   - joined: Nodes that the plan does not have and that hold nothing.
    ///   - policy: How the plan is found.
    ///   - isLayoutOnly: Whether to plan although layers have no holder left.
    /// - Returns: The plan of the next generation; its planning time is zero, for the caller to set.
    /// - Throws: ``OobleckError/Code/usage`` for nodes that make no sense,
    ///   ``OobleckError/Code/noPlan`` for layers without a holder or too few nodes.
    public func replan(
        losing lost: [NodeID],
        joining joined: [NodeID] = [],
        policy: ReplanPolicy = .optimal,
        isLayoutOnly: Bool = false
    ) throws -> PlanDocument {
        let outcome = try outcome(losing: lost, joining: joined, policy, isLayoutOnly)
        var next = document
        next.plan = outcome.option.executionPlan(document.plan.generation.next)
        next.idleNodes = outcome.idle
        next.transfers = outcome.option.transfers
        next.planningTime = PlanningTime(templates: .zero, instantiation: .zero)
        next.reason =
            ReplanReason(
                policy: policy,
                lost: Set(lost).sorted(),
                joined: Set(joined).sorted(),
                option: outcome.option,
                other: outcome.other,
                idle: outcome.idle,
                lostLayers: outcome.lostLayers,
                comparesAll: outcome.comparesAll,
                old: document.plan,
                faultTolerance: document.guarantee.faultTolerance,
                hasProfile: hasProfile,
                costModel: document.costModel,
                costs: costs
            )
            .line
        return next
    }

    /// What becomes of the plan, before it is put into words.
    struct Outcome {
        let option: PlanOption
        /// What the other policy would do, or the same policy's next best when that is the same.
        let other: PlanOption?
        /// Living nodes without a place.
        let idle: [NodeID]
        /// Layers without a holder.
        let lostLayers: [Int]
        /// Whether all ways to divide the nodes were compared.
        let comparesAll: Bool
    }

    /// Throws as ``replan(losing:joining:policy:isLayoutOnly:)``.
    func outcome(
        losing lost: [NodeID],
        joining joined: [NodeID],
        _ policy: ReplanPolicy,
        _ isLayoutOnly: Bool
    ) throws -> Outcome {
        let lost = Set(lost)
        let joined = Set(joined).sorted()
        try check(lost: lost, joined: joined)
        let surviving = held.filter { !lost.contains($0.key) }
        let comparison = PlanComparison(
            templates: templates,
            instantiator: instantiator,
            profile: profile,
            holdings: surviving,
            hasState: true,
            previous: document.plan.pipelines,
            costs: costs
        )
        let gone = profile.layers.indices.filter { comparison.holders[$0].isEmpty }
        if !gone.isEmpty, !isLayoutOnly {
            throw OobleckError(
                .noPlan,
                lostLayersPhrase(gone, names: hasProfile ? profile.layers.map(\.name) : [])
                    + "; restore a checkpoint, or ask for the layout only",
                problem: .lostLayers(gone)
            )
        }
        let nodes = (surviving.keys + joined).sorted()
        guard nodes.count >= templates.minimumNodes else {
            throw OobleckError(
                .noPlan,
                "\(counted(nodes.count, "node")) left, the smallest template has "
                    + "\(templates.minimumNodes); add \(templates.minimumNodes - nodes.count)",
                problem: .tooFewNodes(nodes: nodes.count, minimum: templates.minimumNodes)
            )
        }
        guard let choice = choice(nodes: nodes.count),
            let published = comparison.published(nodes: nodes)
        else {
            preconditionFailure("no plan for \(nodes.count) nodes")
        }
        let best = comparison.best(choice, nodes: nodes, published: published)
        let option = policy == .optimal ? best.option : published
        let isSame = published.nodes == best.option.nodes
        let other = policy == .sosp23 ? best.option : isSame ? best.next : published
        return Outcome(
            option: option,
            other: other,
            idle: Set(nodes).subtracting(option.nodes.joined()).sorted(),
            lostLayers: gone,
            comparesAll: choice.alternatives != nil
        )
    }

    /// The pipelines for `nodes` nodes.
    func choice(nodes: Int) -> PlanChoice? {
        prepared[nodes]
            ?? instantiator.choice(
                nodes: nodes,
                faultTolerance: document.guarantee.faultTolerance
            )
    }

    private func check(lost: Set<NodeID>, joined: [NodeID]) throws {
        guard !lost.isEmpty || !joined.isEmpty else {
            throw OobleckError(.usage, "no node is lost and none joins; name at least one")
        }
        let strangers = lost.filter { held[$0] == nil }.sorted()
        guard strangers.isEmpty else {
            throw OobleckError(
                .usage,
                "cannot lose \(phrase(strangers)): the plan has nodes "
                    + rangesPhrase(held.keys.map(\.rawValue).sorted()),
                problem: .unknownNodes(strangers)
            )
        }
        let known = joined.filter { held[$0] != nil || $0 < 0 }
        guard known.isEmpty else {
            throw OobleckError(
                .usage,
                "\(phrase(known)) cannot join: numbers are not given twice; the next free is "
                    + "\((held.keys.max()?.rawValue ?? -1) + 1)",
                problem: .takenNodes(known)
            )
        }
    }
}
