import OobleckCore

/// Plans a run before it starts: templates, and the pipelines of generation 0.
///
/// Reads no clock: the caller measures ``templates(nodes:faultTolerance:sizes:)`` and
/// ``plan(nodes:microbatches:templates:)`` and fills in ``PlanDocument/planningTime``.
public struct Planner: Sendable {
    private let generator: TemplateGenerator

    /// A planner for one model on one kind of node, whose devices may share stages or not.
    ///
    /// Throws ``OobleckError`` for a profile that makes no sense or a device count that is not a
    /// power of two.
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
    public func templates(
        nodes: Int,
        faultTolerance: Int,
        sizes: TemplateSizes = .published
    ) throws -> TemplateSet {
        try generator.templates(nodes: nodes, faultTolerance: faultTolerance, sizes: sizes)
    }

    /// The plan of generation 0 on nodes 0 up to `nodes`, pipelines one after the other.
    public func plan(
        nodes: Int,
        microbatches: Int,
        templates: TemplateSet
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
            throw OobleckError(.noPlan, generator.noPlanMessage(nodes: nodes))
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
        return PlanDocument(
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
    }

    /// Both in one call.
    public func plan(nodes: Int, faultTolerance: Int, microbatches: Int) throws -> PlanDocument {
        try plan(
            nodes: nodes,
            microbatches: microbatches,
            templates: templates(nodes: nodes, faultTolerance: faultTolerance)
        )
    }
}
