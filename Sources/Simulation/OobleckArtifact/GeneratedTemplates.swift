import OobleckCore
import OobleckPlanning

/// The templates of one profile, of both sets of sizes, and what is to be said of them.
struct GeneratedTemplates {
    let profile: ModelProfile
    /// n_0 to N - f n_0.
    let paper: TemplateSet
    /// n_0 to N - f.
    let artifact: TemplateSet
    /// Up to how many divisions are tried one by one.
    let mostDivisions: Int

    private typealias Settings = TemplateEvaluation

    private var bounds: DivisionBounds { DivisionBounds(profile) }

    /// Sizes that the paper's formula gives: the largest template leaves f n_0 nodes.
    static let paperSizes =
        Array(
            Settings.minimumNodes...Settings.nodes
                - Settings.faultTolerance * Settings.minimumNodes
        )
    /// Sizes that the artifact lists: the largest template leaves f nodes.
    static let artifactSizes =
        Array(Settings.minimumNodes...Settings.nodes - Settings.faultTolerance)

    var countTable: ArtifactTable {
        func row(_ name: String, _ formula: String, _ wanted: [Int], _ set: TemplateSet) -> [String]
        {
            [
                name, formula, "\(wanted.count) (\(Numbers.range(wanted)) nodes)",
                "\(set.templates.count) (\(Numbers.range(set.templates.map(\.nodes))) nodes)",
            ]
        }
        return ArtifactTable(
            columns: ["sizes of", "largest template", "expected templates", "generated"],
            rows: [
                row("the paper", "N - f n0 = \(Self.paperSizes.last ?? 0)", Self.paperSizes, paper),
                row(
                    "the artifact",
                    "N - f = \(Self.artifactSizes.last ?? 0)",
                    Self.artifactSizes,
                    artifact
                ),
            ],
            textColumns: [0, 1, 2, 3]
        )
    }

    var explanation: String {
        let surplus = Self.artifactSizes.filter { !Self.paperSizes.contains($0) }
        let left = surplus.map { "\(Settings.nodes - $0)" }.joined(separator: " and ")
        return """
            Why two counts: f + 1 copies of each layer need f + 1 pipelines of at least n0 nodes, so \
            that the largest can have N - f n0 nodes. The artifact's test lists sizes up to N - f. \
            Its templates of \(surplus.map(String.init).joined(separator: " and ")) nodes leave \
            \(left) of \(Settings.nodes) nodes, fewer than n0 = \(Settings.minimumNodes): no plan \
            with \(Settings.faultTolerance + 1) pipelines can use them. Below are all \
            \(Self.artifactSizes.count); `oobleck plan` makes the \(Self.paperSizes.count) of the \
            paper, and the others with --maximum-template-nodes.
            """
    }

    /// As the artifact prints them.
    var listing: [String] {
        artifact.templates.enumerated().map { index, template in
            let stages = template.stages.map { stage in
                "[\(Numbers.decimal(Self.work(stage), 1)) (\(stage.layers.count) layers)]"
            }
            return "[template \(index)] \(template.stages.count) stages: "
                + stages.joined(separator: " ")
        }
    }

    var balanceTable: ArtifactTable {
        let bounds = bounds
        return ArtifactTable(
            columns: ["nodes", "slowest", "ideal", "least", "above", "T", "least T", "tried"],
            rows: artifact.templates.map { template in
                let stages = template.stages.count
                let least = bounds.leastSlowest(stages: stages)
                let slowest = Self.slowest(template)
                let divisions = DivisionBounds.divisions(layers: bounds.work.count, stages: stages)
                return [
                    "\(template.nodes)", "\(Numbers.decimal(slowest, 2)) s",
                    "\(Numbers.decimal(bounds.idealSlowest(stages: stages), 2)) s",
                    "\(Numbers.decimal(least, 2)) s", Numbers.percent(slowest / least - 1),
                    "\(Numbers.decimal(template.iteration.value, 1)) s",
                    "\(Numbers.decimal(bounds.leastIteration(stages: stages), 1)) s",
                    (divisions <= mostDivisions ? "all " : "none of ")
                        + Numbers.grouped(divisions),
                ]
            },
            textColumns: [7]
        )
    }

    static func work(_ stage: StageTemplate) -> Double { (stage.forward + stage.backward).value }

    static func slowest(_ template: PipelineTemplate) -> Double {
        template.stages.map(work).max() ?? 0
    }
}

/// The checks, each of which asks nothing of the planner.
extension GeneratedTemplates {
    var checks: [ArtifactCheck] {
        [
            Self.count(paper, Self.paperSizes, "N - f n0 - n0 + 1", "the paper"),
            Self.count(artifact, Self.artifactSizes, "N - f - n0 + 1", "the artifact"),
            shared, divisions, balance, optimum,
        ]
    }

    private static func count(
        _ set: TemplateSet,
        _ sizes: [Int],
        _ formula: String,
        _ whose: String
    ) -> ArtifactCheck {
        ArtifactCheck(
            "\(formula) = \(sizes.count) templates, the sizes of \(whose)",
            isMet: set.templates.map(\.nodes) == sizes,
            found: "\(set.templates.count), of \(Numbers.range(set.templates.map(\.nodes))) nodes"
        )
    }

    /// That larger sizes leave the smaller ones as they are.
    private var shared: ArtifactCheck {
        let differing = paper.templates.filter { artifact.template(nodes: $0.nodes) != $0 }
        return ArtifactCheck(
            "templates of the same size are the same in both sets",
            complaints: differing.map { "\($0.nodes) nodes differ" },
            cases: paper.templates.count,
            of: "templates"
        )
    }

    /// That stages are runs of layers one after the other, one a node, with the layers' times.
    private var divisions: ArtifactCheck {
        let work = bounds.work
        let complaints = artifact.templates.compactMap { template -> String? in
            var next = 0
            for (index, stage) in template.stages.enumerated() {
                guard stage.firstLayer == next, stage.endLayer > next, stage.endLayer <= work.count,
                    stage.node == index, stage.devices == 1
                else { return "\(template.nodes) nodes: stage \(index) does not follow on" }
                let sum = work[stage.layers].reduce(0, +)
                guard abs(Self.work(stage) - sum) <= Settings.roundingTolerance * max(1, sum) else {
                    return "\(template.nodes) nodes: stage \(index) is said to take "
                        + "\(Self.work(stage)) s, its layers take \(sum) s"
                }
                next = stage.endLayer
            }
            guard next == work.count, template.stages.count == template.nodes else {
                return "\(template.nodes) nodes: \(template.stages.count) stages, \(next) layers"
            }
            return nil
        }
        return ArtifactCheck(
            "each template is a division of all \(work.count) layers into one stage a node",
            complaints: complaints,
            cases: artifact.templates.count,
            of: "templates"
        )
    }

    private var balance: ArtifactCheck {
        let bounds = bounds
        let excess = artifact.templates.map { template in
            Self.slowest(template) / bounds.leastSlowest(stages: template.stages.count) - 1
        }
        let worst = excess.max() ?? .infinity
        return ArtifactCheck(
            "stages are balanced: the slowest is at most "
                + "\(Numbers.percent(Settings.balanceTolerance)) above the least that any division "
                + "has",
            isMet: worst <= Settings.balanceTolerance,
            found: worst.isFinite
                ? "at most \(Numbers.percent(max(0, worst))) above" : "no templates"
        )
    }

    private var optimum: ArtifactCheck {
        let bounds = bounds
        var tried = 0
        let complaints = artifact.templates.compactMap { template -> String? in
            let stages = template.stages.count
            var least = bounds.leastIteration(stages: stages)
            let divisions = DivisionBounds.divisions(layers: bounds.work.count, stages: stages)
            if divisions <= mostDivisions {
                tried += divisions
                let found = bounds.leastIterationOneByOne(stages: stages)
                guard abs(found - least) <= Settings.roundingTolerance * least else {
                    return "\(template.nodes) nodes: bound \(least) s, least \(found) s"
                }
                least = found
            }
            let isLeast =
                abs(template.iteration.value - least) <= Settings.roundingTolerance * least
            return isLeast
                ? nil
                : "\(template.nodes) nodes: T is \(template.iteration.value) s, not \(least) s"
        }
        let check = ArtifactCheck(
            "T of each template is the least of all divisions, not only of those that divide and "
                + "conquer meets",
            complaints: complaints,
            cases: artifact.templates.count,
            of: "templates"
        )
        guard check.isMet else { return check }
        return ArtifactCheck(
            check.claim,
            isMet: true,
            found: "\(check.found), \(Numbers.grouped(tried)) divisions tried one by one"
        )
    }
}
