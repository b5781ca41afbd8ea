import OobleckCore
import OobleckPlanning
import OobleckReconfiguration

/// An example of the paper's artifact: nodes that are lost, and the pipelines that must come of it.
public struct PublishedReconfiguration: Hashable, Sendable {
    /// What the paper calls it.
    public let rule: String
    /// The nodes that are lost.
    public let lost: [NodeID]
    /// The nodes of each pipeline afterwards, as printed.
    public let pipelines: [[NodeID]]

    /// The pipelines at the start: one each of 2, 3, 4 and 5 nodes.
    public static let start: [[NodeID]] = [
        [0, 1], [2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13],
    ]

    /// The four examples, in the order of the artifact.
    public static let all = [
        PublishedReconfiguration(
            rule: "reinstantiate",
            lost: [2],
            pipelines: [[0, 1], [3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13]]
        ),
        PublishedReconfiguration(
            rule: "borrow",
            lost: [1, 3, 4],
            pipelines: [[0, 13], [2, 12], [9, 10, 11], [5, 6, 7, 8]]
        ),
        PublishedReconfiguration(
            rule: "borrow",
            lost: [2, 4, 6, 7, 8],
            pipelines: [[0, 1], [3, 13], [5, 12], [9, 10, 11]]
        ),
        PublishedReconfiguration(
            rule: "merge",
            lost: [1, 2, 3, 5, 6, 7, 9, 10, 11],
            pipelines: [[0, 4], [8, 12, 13]]
        ),
    ]

    /// Templates of 2 to 5 nodes over the equal layers, and the pipelines of ``start`` on them.
    static func plan(profile: ModelProfile, microbatches: Int) throws -> PlanDocument {
        let sizes = start.map(\.count)
        let planner = try Planner(profile: profile)
        let templates = try planner.templates(
            nodes: sizes.reduce(0, +),
            faultTolerance: 1,
            sizes: TemplateSizes(minimumNodes: sizes.min(), maximumNodes: sizes.max())
        )
        var document = try planner.plan(
            nodes: sizes.reduce(0, +),
            microbatches: microbatches,
            templates: templates,
            acceptsFewerCopies: true
        )
        let instantiator = try Instantiator(
            templates: templates.templates,
            profile: profile,
            costModel: .sosp23,
            microbatches: microbatches
        )
        guard let instantiation = instantiator.instantiation(nodeCounts: sizes) else {
            throw OobleckError(.noPlan, "no templates of \(sizes) nodes for the published example")
        }
        document.plan = ExecutionPlan(
            generation: 0,
            stepTime: instantiation.step,
            synchronizationTime: instantiation.synchronization,
            pipelines: start.indices.map { index in
                Pipeline(
                    templateNodes: sizes[index],
                    nodes: start[index],
                    microbatches: instantiation.microbatches[index],
                    pipelineTime: instantiation.pipelineTimes[index]
                )
            }
        )
        return document
    }
}
