import OobleckCore
import OobleckEvaluation

/// Part 5: the paper's figures and tables, with the published values beside ours (section 7).
public enum FigureEvaluation {
    /// Names of the paper's figures, and what they are in the paper.
    static let wanted: [(name: String, number: String)] = [
        ("throughput-by-failure-frequency", "figure 9 and table 2"),
        ("throughput-over-time", "figures 10 and 12"),
        ("time-breakdown", "figures 1 and 11"),
        ("without-checkpoint-overhead", "figure 13 and table 4"),
        ("planning-latency", "table 3"),
    ]

    /// Shows all figures, and checks the published numbers.
    public static func part(_ result: EvaluationResult) -> ArtifactPart {
        var blocks: [ArtifactBlock] = [.paragraph(introduction)]
        for figure in result.figures {
            blocks += [
                .heading(figure.title),
                .paragraph(figure.text),
                .picture(svg: figure.svg, caption: ""),
            ]
        }
        blocks += [
            .heading("published values and ours"),
            .paragraph(
                """
                Samples per second, and for figures 1 and 11 the effective share of the time. "Ours" is \
                the published simulation run again; "corrected" the same with its mistakes set right. \
                A printed number is met if ours is within one unit of its last digit: some are rounded, \
                some cut off. Shares were read off the figures by eye, and are not compared.
                """
            ),
            .table(valueTable(result.throughputs + result.effectiveShares)),
            .table(planningTable(result.planningTimes)),
            .heading("differences from the publication"),
            .table(
                ArtifactTable(
                    columns: ["what", "how much", "why"],
                    rows: result.differences.map { [$0.what, $0.size, $0.cause] },
                    textColumns: [0, 1, 2],
                    isForPageOnly: true
                )
            ),
            .heading("what was checked"),
            .checks(checks(result)),
        ]
        return ArtifactPart(number: 5, title: "Figures", section: "section 7", blocks: blocks)
    }

    private static let introduction = """
        The paper's evaluation of throughput is a simulation. Its figures are that simulation run again \
        beside the printed values, and beside the same runs with its mistakes set right; the planner is \
        timed on this machine. The last figures are ours: the production planner and its \
        reconfiguration in a model of the machines.
        """

    private static func valueTable(_ values: [PublishedValue]) -> ArtifactTable {
        ArtifactTable(
            columns: [
                "in the paper", "model", "policy", "failures", "ours", "proceedings", "arXiv v2",
                "corrected",
            ],
            rows: values.map { value in
                [
                    value.source, value.model, value.policy, value.failures,
                    Numbers.decimal(value.ours, 2), Numbers.decimal(value.proceedings, 2),
                    Numbers.decimal(value.corrected, 2),
                    Numbers.decimal(value.withoutMistakes, 2),
                ]
            },
            textColumns: [0, 1, 2, 3],
            isForPageOnly: true
        )
    }

    private static func planningTable(_ times: [PublishedPlanningTime]) -> ArtifactTable {
        ArtifactTable(
            columns: ["in the paper", "layers", "nodes x devices", "published", "ours", "ratio"],
            rows: times.map { time in
                [
                    "table 3", "\(time.layers)", "\(time.nodes) x \(time.devices)",
                    "\(Numbers.decimal(time.published, 2)) s",
                    "\(Numbers.decimal(time.ours * 1000, 2)) ms",
                    Numbers.grouped(Int((time.published / max(time.ours, 1e-9)).rounded())),
                ]
            },
            textColumns: [0],
            isForPageOnly: true
        )
    }
}

/// The checks.
extension FigureEvaluation {
    static func checks(_ result: EvaluationResult) -> [ArtifactCheck] {
        let missing = wanted.filter { entry in !result.figures.contains { $0.name == entry.name } }
        let sources = ["table 2", "table 4", "figure 10"]
        return [
            ArtifactCheck(
                "all figures and tables are reproduced: 1, 9 to 13, and tables 2 to 4",
                isMet: missing.isEmpty,
                found: missing.isEmpty
                    ? "\(counted(result.figures.count, "picture")), "
                        + "\(result.figures.count - wanted.count) of them ours"
                    : "missing: " + missing.map(\.number).joined(separator: ", ")
            )
        ] + sources.map { met(result.throughputs, $0) } + [
            winner(result, isCorrected: false), winner(result, isCorrected: true),
            shares(result.effectiveShares), planning(result.planningTimes),
        ]
    }

    /// That printed numbers come out.
    private static func met(_ values: [PublishedValue], _ source: String) -> ArtifactCheck {
        let values = values.filter { $0.source == source }
        return ArtifactCheck(
            "\(source): throughputs are those of the proceedings to the last printed digit",
            complaints: values.filter { !$0.isMet }.map {
                "\($0.policy), \($0.model), \($0.failures): \(Numbers.decimal($0.ours, 3)), printed "
                    + "\(Numbers.decimal($0.proceedings, 2))"
            },
            cases: values.count,
            of: "values"
        )
    }

    /// The paper's first claim: with frequent failures Oobleck trains fastest.
    private static func winner(_ result: EvaluationResult, isCorrected: Bool) -> ArtifactCheck {
        let frequent = result.throughputs.filter { $0.source == "table 2" && $0.failures == "10m" }
        func throughput(_ value: PublishedValue) -> Double {
            isCorrected ? value.withoutMistakes : value.ours
        }
        let complaints = frequent.compactMap { other -> String? in
            let oobleck = frequent.first { $0.model == other.model && $0.policy == "Oobleck" }
            guard let oobleck, oobleck.policy != other.policy else { return nil }
            return throughput(oobleck) > throughput(other)
                ? nil : "\(other.model): \(other.policy) is not slower"
        }
        return ArtifactCheck(
            "figure 9: with a failure every 10 minutes Oobleck trains faster than Bamboo and Varuna"
                + (isCorrected ? ", also without the simulator's mistakes" : ""),
            complaints: complaints,
            cases: Set(frequent.map(\.model)).count,
            of: "models"
        )
    }

    /// Figures 1 and 11, with each second counted once.
    private static func shares(_ values: [PublishedValue]) -> ArtifactCheck {
        let complaints = values.compactMap { value -> String? in
            let share = value.withoutMistakes
            guard (0...1 + 1e-9).contains(share) else {
                return "\(value.policy), \(value.model), \(value.failures): \(share)"
            }
            let oobleck = values.first {
                $0.policy == "Oobleck" && $0.model == value.model && $0.failures == value.failures
            }
            guard let oobleck, share > oobleck.withoutMistakes else { return nil }
            return "\(value.policy), \(value.model), \(value.failures): more than Oobleck"
        }
        return ArtifactCheck(
            "figures 1 and 11: with each second counted once, Oobleck's effective share is the "
                + "largest",
            complaints: complaints,
            cases: values.count,
            of: "runs"
        )
    }

    private static func planning(_ times: [PublishedPlanningTime]) -> ArtifactCheck {
        let slowest = times.map(\.ours).max() ?? 0
        let complaints = times.filter { $0.ours > $0.published }.map {
            "\($0.nodes) x \($0.devices) nodes, \($0.layers) layers: "
                + "\(Numbers.decimal($0.ours, 2)) s, published \(Numbers.decimal($0.published, 2)) s"
        }
        let check = ArtifactCheck(
            "table 3: each template is planned in less time than published",
            complaints: complaints,
            cases: times.count,
            of: "templates"
        )
        guard check.isMet else { return check }
        return ArtifactCheck(
            check.claim,
            isMet: true,
            found: "\(check.found), \(Numbers.decimal(1000 * slowest, 0)) ms at most"
        )
    }
}
