import OobleckCore
import OobleckPlanning

/// Part 2: pipelines use all nodes, and microbatches are distributed so that they end together
/// (section 4.2).
public struct InstantiationEvaluation {
    /// One setting of the artifact's test.
    public struct Setting: Hashable, Sendable {
        /// N.
        public var nodes: Int
        /// f.
        public var faultTolerance: Int
        /// Microbatches of a step over all pipelines.
        public var microbatches: Int
    }

    /// n_0.
    static let minimumNodes = 3
    /// How far pipelines of one plan may be apart, as a share of the slowest.
    static let spreadTolerance = 0.05

    /// The profiles to plan for.
    public var profiles = PublishedProfiles.all
    /// The settings: those of the artifact, and each with f = 1 as well.
    public var settings = [13, 16, 21].flatMap { nodes in
        [1, 3].flatMap { threshold in
            [512, 4096].map {
                Setting(nodes: nodes, faultTolerance: threshold, microbatches: $0)
            }
        }
    }

    /// The evaluation of the published settings.
    public init() {}

    /// Makes and checks all plans.
    ///
    /// `clock` tells the seconds since some start.
    public func part(clock: () -> Double) throws -> ArtifactPart {
        var blocks: [ArtifactBlock] = [.paragraph(Self.introduction)]
        for profile in profiles {
            let start = clock()
            let plans = try settings.map { try InstantiatedPlans(profile, $0) }
            blocks += Self.sections(profile, plans, seconds: clock() - start)
        }
        return ArtifactPart(
            number: 2,
            title: "Pipeline instantiation and batch distribution",
            section: "section 4.2",
            blocks: blocks
        )
    }

    private static let introduction = """
        The instantiator chooses how many pipelines of each template run, so that every node has work \
        and every layer f + 1 copies, and gives each pipeline its microbatches. This part checks both \
        for the settings of the artifact, and the first for every number of nodes from (f + 1) n0 to N. \
        "4x3 + 1x4" are four pipelines of three nodes and one of four.
        """

    private static let sample = """
        The last of them as the artifact prints it. Its sample output, for its own random times and \
        templates of 3 to 7 nodes, is 4x3 + 1x4 + 1x5 with 594, 758 and 962 microbatches, 0.12 % apart.
        """

    private static func sections(
        _ profile: ModelProfile,
        _ plans: [InstantiatedPlans],
        seconds: Double
    ) -> [ArtifactBlock] {
        let largest = plans.last
        var blocks: [ArtifactBlock] = [
            .heading("profile \(profile.model): plans for the settings of the artifact"),
            .table(InstantiatedPlans.table(plans)),
        ]
        if let largest {
            blocks += [
                .paragraph(Self.sample),
                .listing(largest.listing),
            ]
        }
        blocks += [
            .paragraph(
                "All plans were made in \(Numbers.time(seconds)), templates included. "
                    + "Times of pipelines are computed anew from their stages."
            ),
            .checks(InstantiatedPlans.checks(plans)),
            .heading("profile \(profile.model): every number of nodes"),
            .table(InstantiatedPlans.countTable(plans)),
            .checks(InstantiatedPlans.countChecks(plans)),
        ]
        return blocks
    }
}
