public import OobleckValues

/// Plans a run before it starts: templates, and the pipelines of generation 0.
///
/// Reads no clock: `plan(nodes:faultTolerance:microbatches:sizes:)` of the module OobleckPlanning
/// measures how long it takes.
public struct Planner: Sendable {
    private let generator: TemplateGenerator

    /// A planner for one model on one kind of node, whose devices may share stages or not.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` for a profile that makes no sense,
    ///   ``OobleckError/Code/usage`` for a device count that is not a power of two.
    public init(
        profile: ModelProfile,
        costModel: CostModel = .sosp23,
        devicesPerNode: Int = 1,
        sharesStages: Bool = true,
        effort: SearchEffort = .bounded
    ) throws {
        generator = try TemplateGenerator(
            profile: profile,
            devicesPerNode: devicesPerNode,
            sharesStages: sharesStages,
            costModel: costModel,
            effort: effort
        )
    }

    /// The templates for up to `nodes` nodes of which any `faultTolerance` may fail at once.
    ///
    /// - Throws: ``OobleckError/Code/noPlan`` if the model fits no such number of nodes,
    ///   ``OobleckError/Code/usage`` for numbers that make no sense.
    public func templates(
        nodes: Int,
        faultTolerance: Int,
        sizes: TemplateSizes = .published
    ) throws -> TemplateSet {
        try generator.templates(nodes: nodes, faultTolerance: faultTolerance, sizes: sizes)
    }

    /// The plan of generation 0 on nodes 0 up to `nodes`, pipelines one after the other.
    ///
    /// - Parameters:
    ///   - nodes: How many nodes there are.
    ///   - microbatches: Microbatches of one step over all pipelines.
    ///   - templates: What pipelines may follow.
    ///   - acceptsFewerCopies: Whether to plan although fewer losses are survived than the templates
    ///     promise.
    /// - Returns: The plan; its planning time is zero, for the caller to set.
    /// - Throws: ``OobleckError/Code/noPlan`` for too few nodes, or for a plan that does not survive
    ///   the losses of the guarantee; ``OobleckError/Code/usage`` for microbatches out of range.
    public func plan(
        nodes: Int,
        microbatches: Int,
        templates: TemplateSet,
        acceptsFewerCopies: Bool = false
    ) throws -> PlanDocument {
        let instantiator = try Instantiator(
            templates: templates.templates,
            profile: generator.profile,
            costModel: generator.costModel,
            microbatches: microbatches,
            effort: generator.effort
        )
        let tolerance = templates.guarantee.faultTolerance
        guard let choice = instantiator.choice(nodes: nodes, faultTolerance: tolerance) else {
            throw generator.noPlanError(nodes: nodes)
        }
        let best = choice.instantiation
        var nextNode = 0
        let pipelines = best.nodeCounts.indices.map { index in
            let first = nextNode
            nextNode += best.nodeCounts[index]
            return Pipeline(
                templateNodes: best.nodeCounts[index],
                nodes: (first..<nextNode).map { NodeID($0) },
                microbatches: best.microbatches[index],
                pipelineTime: best.pipelineTimes[index]
            )
        }
        let document = PlanDocument(
            costModel: generator.costModel,
            devicesPerNode: generator.devicesPerNode,
            microbatches: microbatches,
            guarantee: templates.guarantee,
            templates: templates.templates,
            plan: ExecutionPlan(
                generation: 0,
                stepTime: best.step,
                synchronizationTime: best.synchronization,
                pipelines: pipelines
            ),
            reason: PlanReason(
                choice,
                minimumNodes: templates.minimumNodes,
                costModel: generator.costModel
            )
            .line(devices: generator.devicesPhrase(best.nodeCounts, of: templates)),
            transfers: [],
            planningTime: PlanningTime(templates: .zero, instantiation: .zero),
            idleNodes: (nextNode..<nodes).map { NodeID($0) }
        )
        if !acceptsFewerCopies { try document.requireGuarantee(model: generator.profile.model) }
        return document
    }

    /// Both in one call, without measuring how long it takes: equal arguments give equal plans.
    ///
    /// - Throws: ``OobleckError`` as ``templates(nodes:faultTolerance:sizes:)`` and
    ///   ``plan(nodes:microbatches:templates:acceptsFewerCopies:)``.
    public func untimedPlan(
        nodes: Int,
        faultTolerance: Int,
        microbatches: Int,
        acceptsFewerCopies: Bool = false
    ) throws -> PlanDocument {
        try plan(
            nodes: nodes,
            microbatches: microbatches,
            templates: templates(nodes: nodes, faultTolerance: faultTolerance),
            acceptsFewerCopies: acceptsFewerCopies
        )
    }
}
