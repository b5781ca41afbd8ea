import OobleckCore
import OobleckPlanning

/// Part 1: templates are as many as the paper says, and their stages are balanced (section 4.1).
public struct TemplateEvaluation {
    /// N.
    static let nodes = 13
    /// f.
    static let faultTolerance = 1
    /// n_0.
    static let minimumNodes = 3
    /// How far the slowest stage may be above the least possible of any division.
    ///
    /// T also counts what comes after the slowest stage, so that its least is not always where the
    /// slowest stage is fastest.
    static let balanceTolerance = 0.05
    /// What rounding may make of the same sum in another order.
    static let roundingTolerance = 1e-9

    /// The profiles to plan for.
    public var profiles = PublishedProfiles.all
    /// Up to how many divisions of a template's layers are tried one by one.
    public var mostDivisions = 2_000_000

    /// The evaluation of the two published kinds of profile.
    public init() {}

    /// Generates and checks all templates.
    ///
    /// `clock` tells the seconds since some start.
    public func part(clock: () -> Double) throws -> ArtifactPart {
        var blocks: [ArtifactBlock] = [.paragraph(Self.introduction)]
        for profile in profiles { blocks += try Self.sections(profile, mostDivisions, clock) }
        return ArtifactPart(
            number: 1,
            title: "Pipeline template generation",
            section: "section 4.1",
            blocks: blocks
        )
    }

    private static let introduction = """
        A pipeline template divides all layers of the model over a number of nodes, one stage a node \
        here. The planner makes one for each size before training starts. This part checks how many \
        there are, that each is a division of all layers, and that no stage is a straggler.
        """

    private static func sections(
        _ profile: ModelProfile,
        _ mostDivisions: Int,
        _ clock: () -> Double
    ) throws -> [ArtifactBlock] {
        let generator = try TemplateGenerator(profile: profile)
        func generate(_ maximum: Int?) throws -> TemplateSet {
            try generator.templates(
                nodes: nodes,
                faultTolerance: faultTolerance,
                sizes: TemplateSizes(minimumNodes: minimumNodes, maximumNodes: maximum)
            )
        }
        let start = clock()
        let paper = try generate(nil)
        let middle = clock()
        let artifact = try generate(nodes - faultTolerance)
        let end = clock()
        let set = GeneratedTemplates(
            profile: profile,
            paper: paper,
            artifact: artifact,
            mostDivisions: mostDivisions
        )
        return [
            .heading("profile \(profile.model): \(PublishedProfiles.description(profile))"),
            .paragraph(
                """
                Fault threshold f = \(faultTolerance), at least n0 = \(minimumNodes) nodes for \
                training, N = \(nodes) nodes. Training is guaranteed with \
                \(paper.guarantee.minimumNodes) to \(paper.guarantee.maximumNodes) nodes.
                """
            ),
            .table(set.countTable),
            .paragraph(set.explanation),
            .listing(set.listing),
            .table(set.balanceTable),
            .paragraph(
                """
                Generated in \(Numbers.time(middle - start)) (sizes of the paper) and \
                \(Numbers.time(end - middle)) (sizes of the artifact). Of the slowest \
                stage: "ideal" is max(total / S, slowest layer), which no division can be below; \
                "least" is the least that whole layers allow, and "above" how far ours is above that. T \
                is what the planner minimises; "least T" was found by another algorithm, and \
                "tried" are the divisions that were tried one by one, where they are not too many.
                """
            ),
            .checks(set.checks),
        ]
    }
}
