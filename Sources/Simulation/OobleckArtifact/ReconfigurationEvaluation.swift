import OobleckCore
import OobleckFigures
import OobleckReconfiguration

/// Part 3: after losses, pipelines are made anew from the same templates (section 5).
public struct ReconfigurationEvaluation {
    /// Microbatches of the examples' steps.
    static let microbatches = 512

    /// The examples.
    public var examples = PublishedReconfiguration.all

    /// The evaluation of the published examples.
    public init() {}

    /// Replans and checks the published examples, and checks the live runs against the same training
    /// undisturbed; `failure` says why there are none, if they were tried.
    public func part(
        live: [LiveRun] = [],
        reference: LiveRun? = nil,
        failure: String? = nil
    ) throws -> ArtifactPart {
        let document = try PublishedReconfiguration.plan(
            profile: PublishedProfiles.equal,
            microbatches: Self.microbatches
        )
        let replanner = try Replanner(document, profile: PublishedProfiles.equal)
        var blocks: [ArtifactBlock] = [.paragraph(Self.introduction)]
        for (index, example) in examples.enumerated() {
            let after = try replanner.replan(
                losing: example.lost,
                policy: .sosp23,
                isLayoutOnly: true
            )
            blocks += Self.sections(
                index + 1,
                example,
                PlanTransition(before: document, after: after, lost: example.lost)
            )
        }
        if let failure {
            blocks += [
                .heading("on live training"),
                .checks([
                    ArtifactCheck("training survives real kills", isMet: false, found: failure)
                ]),
            ]
        } else if let reference {
            blocks += Self.liveSections(live, reference)
        }
        return ArtifactPart(
            number: 3,
            title: "Dynamic reconfiguration",
            section: "section 5",
            blocks: blocks
        )
    }

    private static let introduction = """
        When nodes are lost, the survivors are covered anew by templates that exist already. A pipeline \
        that is large enough still is reinstantiated with a smaller template; else it borrows nodes from \
        a larger one; if none can lend, pipelines merge. Layers that a node lacks are copied from a node \
        that holds them. The examples are those of the paper's artifact: four pipelines of 2, 3, 4 and 5 \
        nodes, numbered from 0.
        """

    private static func sections(
        _ number: Int,
        _ example: PublishedReconfiguration,
        _ transition: PlanTransition
    ) -> [ArtifactBlock] {
        let lost = example.lost.map(\.description).joined(separator: ", ")
        let title = "\(example.rule): losing \(example.lost.count == 1 ? "node" : "nodes") \(lost)"
        let changes = (transition.publishedLayout?.changes ?? []).map { "- \($0)" }
        let missing = transition.layersWithoutCopy
        var blocks: [ArtifactBlock] = [
            .heading("example \(number), \(title)"),
            .listing(
                ["before:   \(PlanTransition.nodes(transition.before))"] + changes
                    + [
                        "after:    \(PlanTransition.nodes(transition.after))",
                        "expected: " + expected(example.pipelines),
                    ]
            ),
            .picture(
                svg: transition.chart(title: title).svg,
                caption: "Pipelines before and after, and who copies layers from whom. Each layer "
                    + "comes from the holder that has the least to send so far."
            ),
            .table(transition.copyTable),
        ]
        if !missing.isEmpty {
            blocks.append(
                .paragraph(
                    """
                    Nine losses at once are far more than f = 1: no copy of layers \
                    \(Numbers.range(missing)) is left, which the artifact's test does not ask for. So \
                    this example is about the layout only; a run would go back to its newest checkpoint.
                    """
                )
            )
        }
        blocks.append(.checks(checks(example, transition)))
        return blocks
    }

    private static func expected(_ pipelines: [[NodeID]]) -> String {
        pipelines.map { "[\($0.map(\.description).joined(separator: ", "))]" }
            .joined(separator: " ")
    }

    static func checks(
        _ example: PublishedReconfiguration,
        _ transition: PlanTransition
    ) -> [ArtifactCheck] {
        let pipelines = transition.after.plan.pipelines
        let complaint = transition.complaint(isLayoutOnly: true)
        return [
            ArtifactCheck(
                "the pipelines are those that the artifact expects",
                isMet: pipelines.map(\.nodes) == example.pipelines,
                found: PlanTransition.nodes(transition.after)
            ),
            ArtifactCheck(
                "the rule is \(example.rule)",
                isMet: transition.rules.contains(example.rule),
                found: transition.rules.joined(separator: ", ")
            ),
            ArtifactCheck(
                "every node left has work, every pipeline every layer, every copy a holder",
                isMet: complaint == nil,
                found: complaint
                    ?? "\(counted(transition.after.transfers.count, "layer")) copied"
            ),
        ]
    }
}
