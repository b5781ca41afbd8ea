import OobleckCore
import OobleckPlanning

/// Answers what becomes of a plan when nodes are lost or join (`oobleck replan`).
///
/// Works from what `plan.json` holds: its templates, pipelines and microbatches. The profile adds
/// the bytes of each layer and the time of the synchronisation, which is otherwise taken to be what
/// it was in the old plan (0 with one pipeline, as always).
public struct Replanner: Sendable {
    let document: PlanDocument
    let templates: TemplateSet
    let instantiator: Instantiator
    let hasProfile: Bool
    let layers: [LayerProfile]
    /// The layers that each node of the plan holds.
    let held: [NodeID: Set<Int>]

    /// A replanner for one plan.
    ///
    /// Throws ``OobleckError/Code/inputData`` for a plan that makes no sense or a profile of
    /// another model.
    public init(_ document: PlanDocument, profile: ModelProfile? = nil) throws {
        try document.validate()
        try profile?.validate()
        let sorted = document.templates.sorted { $0.nodes < $1.nodes }
        let layerCount = sorted[0].stages.last?.endLayer ?? 0
        if let profile, profile.layers.count != layerCount {
            throw OobleckError(
                .inputData,
                "the profile has \(profile.layers.count) layers, the plan \(layerCount); "
                    + "give the profile that the plan was made from"
            )
        }
        self.document = document
        hasProfile = profile != nil
        let known = profile ?? Self.standIn(document, layers: layerCount)
        layers = known.layers
        templates = TemplateSet(
            templates: sorted,
            minimumNodes: sorted[0].nodes,
            guarantee: document.guarantee
        )
        instantiator = try Instantiator(
            templates: sorted,
            profile: known,
            costModel: document.costModel,
            microbatches: document.microbatches
        )
        var held: [NodeID: Set<Int>] = [:]
        for pipeline in document.plan.pipelines {
            for (place, node) in pipeline.nodes.enumerated() {
                let template = document.template(nodes: pipeline.templateNodes)
                held[node] = Set(template?.layers(ofNode: place) ?? [])
            }
        }
        self.held = held
    }

    /// What is known of a model without its profile: the count of layers, and the synchronisation
    /// of the old plan, whatever the count of pipelines.
    private static func standIn(_ document: PlanDocument, layers: Int) -> ModelProfile {
        let constant = document.plan.synchronizationTime
        let layer = LayerProfile(
            name: "",
            forward: .zero,
            backward: .zero,
            // There are never more pipelines than microbatches, and between is interpolated.
            allReduceAcrossNodes: [2: constant, max(3, document.microbatches): constant]
        )
        return ModelProfile(
            model: "",
            microbatchSize: 1,
            layers: Array(repeating: layer, count: layers)
        )
    }

    /// The next plan, with its reason and the layers to copy.
    ///
    /// - Parameters:
    ///   - lost: Nodes of the plan that are gone.
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
        let lost = Set(lost)
        let joined = Set(joined).sorted()
        try check(lost: lost, joined: joined)
        let surviving = held.filter { !lost.contains($0.key) }
        let holders = holders(surviving)
        let gone = holders.indices.filter { holders[$0].isEmpty }
        if !gone.isEmpty, !isLayoutOnly {
            throw OobleckError(
                .noPlan,
                lostLayersPhrase(gone, names: hasProfile ? layers.map(\.name) : [])
                    + "; restore a checkpoint, or ask for the layout only"
            )
        }
        let nodes = (surviving.keys + joined).sorted()
        guard nodes.count >= templates.minimumNodes else {
            throw OobleckError(
                .noPlan,
                "\(PlanReason.count(nodes.count, "node")) left, the smallest template has "
                    + "\(templates.minimumNodes); add \(templates.minimumNodes - nodes.count)"
            )
        }
        let chosen = candidate(policy, lost, joined, nodes)
        let plan = executionPlan(chosen, surviving)
        let transfers = transfers(to: plan, holders)
        var next = document
        next.plan = plan
        next.transfers = transfers
        next.planningTime = PlanningTime(templates: .zero, instantiation: .zero)
        next.reason =
            ReplanReason(
                policy: policy,
                lost: lost.sorted(),
                joined: joined,
                changes: chosen.changes,
                instantiation: chosen.instantiation,
                idle: Array(Set(nodes).subtracting(plan.nodes)).sorted(),
                transfers: transfers,
                lostLayers: gone,
                old: document.plan,
                faultTolerance: document.guarantee.faultTolerance,
                hasProfile: hasProfile,
                otherStep: candidate(policy.other, lost, joined, nodes).instantiation.step
            )
            .line
        return next
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
                    + rangesPhrase(held.keys.map(\.rawValue).sorted())
            )
        }
        let known = joined.filter { held[$0] != nil || $0 < 0 }
        guard known.isEmpty else {
            throw OobleckError(
                .usage,
                "\(phrase(known)) cannot join: numbers are not given twice; the next free is "
                    + "\((held.keys.max()?.rawValue ?? -1) + 1)"
            )
        }
    }
}
