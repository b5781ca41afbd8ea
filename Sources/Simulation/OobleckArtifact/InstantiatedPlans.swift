import OobleckCore
import OobleckPlanning

/// The plan of one setting, and those for every smaller number of nodes.
struct InstantiatedPlans {
    let setting: InstantiationEvaluation.Setting
    let profile: ModelProfile
    let document: PlanDocument
    /// By number of nodes, from (f + 1) n_0 to N: what would run there.
    let choices: [(nodes: Int, choice: PlanChoice?)]

    init(_ profile: ModelProfile, _ setting: InstantiationEvaluation.Setting) throws {
        let planner = try Planner(profile: profile)
        let templates = try planner.templates(
            nodes: setting.nodes,
            faultTolerance: setting.faultTolerance,
            sizes: TemplateSizes(minimumNodes: InstantiationEvaluation.minimumNodes)
        )
        let instantiator = try Instantiator(
            templates: templates.templates,
            profile: profile,
            costModel: .sosp23,
            microbatches: setting.microbatches
        )
        let guarantee = templates.guarantee
        let counts = guarantee.minimumNodes...max(guarantee.minimumNodes, guarantee.maximumNodes)
        self.init(
            setting: setting,
            profile: profile,
            document: try planner.plan(
                nodes: setting.nodes,
                microbatches: setting.microbatches,
                templates: templates,
                acceptsFewerCopies: true
            ),
            choices: counts.map { nodes in
                (
                    nodes,
                    instantiator.choice(nodes: nodes, faultTolerance: setting.faultTolerance)
                )
            }
        )
    }

    init(
        setting: InstantiationEvaluation.Setting,
        profile: ModelProfile,
        document: PlanDocument,
        choices: [(nodes: Int, choice: PlanChoice?)]
    ) {
        self.setting = setting
        self.profile = profile
        self.document = document
        self.choices = choices
    }

    var pipelines: [Pipeline] { document.plan.pipelines }

    var name: String {
        "\(setting.nodes) nodes, f = \(setting.faultTolerance), \(setting.microbatches) microbatches"
    }

    /// The time of each pipeline, computed anew.
    var times: [Double] {
        pipelines.map { pipeline in
            guard let template = document.template(nodes: pipeline.templateNodes) else {
                return .infinity
            }
            return PlanBounds.time(template, microbatches: pipeline.microbatches)
        }
    }

    /// The difference of the slowest and the fastest pipeline, as a share of the slowest.
    var spread: Double {
        guard let most = times.max(), let least = times.min(), most > 0 else { return .infinity }
        return (most - least) / most
    }

    var bounds: PlanBounds {
        PlanBounds(templates: document.templates, synchronization: 0.5)
    }
}

/// What people see.
extension InstantiatedPlans {
    static func table(_ plans: [InstantiatedPlans]) -> ArtifactTable {
        ArtifactTable(
            columns: [
                "nodes", "f", "batch", "instances", "microbatches of each", "pipelines take",
                "apart",
            ],
            rows: plans.map { plan in
                let times = plan.times
                return [
                    "\(plan.setting.nodes)", "\(plan.setting.faultTolerance)",
                    Numbers.grouped(plan.setting.microbatches),
                    instances(plan.pipelines.map(\.templateNodes)),
                    plan.groups.map { microbatches($0) }.joined(separator: ", "),
                    range(times),
                    Numbers.percent(plan.spread),
                ]
            },
            textColumns: [3, 4, 5]
        )
    }

    private static func range(_ times: [Double]) -> String {
        let ends = [times.min() ?? 0, times.max() ?? 0].map { Numbers.decimal($0, 0) }
        return ends[0] == ends[1] ? "\(ends[0]) s" : "\(ends[0]) to \(ends[1]) s"
    }

    /// As the artifact prints a plan.
    var listing: [String] {
        var lines = [
            "fault threshold \(setting.faultTolerance), n0 = "
                + "\(InstantiationEvaluation.minimumNodes), nodes \(setting.nodes); "
                + "\(document.templates.count) templates of "
                + "\(Numbers.range(document.templates.map(\.nodes))) nodes"
        ]
        for group in groups {
            let template = document.templates.firstIndex { $0.nodes == group.size } ?? 0
            for (count, instances) in group.counts {
                lines.append(
                    "[template ID \(template) - \(group.size) nodes]: "
                        + "\(counted(instances, "instance")) (total "
                        + "\(instances * group.size) nodes assigned). Each pipeline has \(count) "
                        + "microbatches (estimated pipeline execution time: "
                        + "\(Numbers.decimal(time(group.size, count), 2)) s)."
                )
            }
        }
        let used = pipelines.flatMap(\.nodes).count
        let given = pipelines.reduce(0) { $0 + $1.microbatches }
        return lines + [
            "Total number of nodes used: \(used) (expected: \(setting.nodes))",
            "Total number of microbatches: \(given) (expected: \(setting.microbatches))",
        ]
    }

    static func countTable(_ plans: [InstantiatedPlans]) -> ArtifactTable {
        let rows = plans.filter { plan in
            // What runs on fewer nodes hardly depends on the count of microbatches.
            plan.setting.microbatches == plans.map(\.setting.microbatches).max()
        }
        .flatMap { plan in
            plan.choices.map { nodes, choice in
                [
                    "\(plan.setting.nodes)", "\(plan.setting.faultTolerance)", "\(nodes)",
                    choice.map { instances($0.instantiation.nodeCounts) } ?? "none",
                    choice.map { "\($0.idleNodes)" } ?? "all",
                ]
            }
        }
        return ArtifactTable(
            columns: ["N", "f", "nodes left", "instances", "idle nodes"],
            rows: rows,
            textColumns: [3],
            isForPageOnly: true,
            isFolded: true
        )
    }

    /// Pipelines of one size, and how many have how many microbatches.
    private var groups: [(size: Int, counts: [(microbatches: Int, instances: Int)])] {
        Set(pipelines.map(\.templateNodes)).sorted().map { size in
            let counts = pipelines.filter { $0.templateNodes == size }.map(\.microbatches)
            return (
                size,
                Set(counts).sorted().map { count in (count, counts.count { $0 == count }) }
            )
        }
    }

    private static func microbatches(
        _ group: (size: Int, counts: [(microbatches: Int, instances: Int)])
    ) -> String {
        group.counts.map { "\($0.microbatches)" }.joined(separator: " or ")
    }

    /// As `4x3 + 1x4`: four pipelines of three nodes and one of four.
    static func instances(_ sizes: [Int]) -> String {
        Set(sizes).sorted().map { size in "\(sizes.count { $0 == size })x\(size)" }
            .joined(separator: " + ")
    }

    func time(_ size: Int, _ microbatches: Int) -> Double {
        document.template(nodes: size).map { PlanBounds.time($0, microbatches: microbatches) } ?? 0
    }
}
