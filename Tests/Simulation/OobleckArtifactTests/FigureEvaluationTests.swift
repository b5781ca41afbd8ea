import OobleckEvaluation
import OobleckFigures
import Testing

@testable import OobleckArtifact

@Suite(.timeLimit(.minutes(10))) struct FigureEvaluationTests {
    private static func value(
        _ source: String,
        _ policy: String,
        _ ours: Double,
        _ printed: Double,
        corrected: Double? = nil
    ) -> PublishedValue {
        PublishedValue(
            source: source,
            model: "BERT-large",
            policy: policy,
            failures: "10m",
            ours: ours,
            proceedings: printed,
            corrected: printed,
            withoutMistakes: corrected ?? ours
        )
    }

    private static let throughputs = [
        value("table 2", "Varuna", 173.518, 173.52), value("table 2", "Oobleck", 282.116, 282.11),
        value("table 4", "Varuna", 173.518, 173.52), value("figure 10", "Oobleck", 221.4, 221.4),
    ]
    private static let shares = [
        value("figures 1 and 11", "Varuna", 0.94, 0.54, corrected: 0.61),
        value("figures 1 and 11", "Oobleck", 1.02, 0.96, corrected: 0.97),
    ]
    private static let planning = [
        PublishedPlanningTime(nodes: 24, devices: 8, layers: 96, published: 3297.92, ours: 0.1)
    ]

    private func part(
        figures: [String] = FigureEvaluation.wanted.map(\.name),
        throughputs: [PublishedValue] = Self.throughputs,
        shares: [PublishedValue] = Self.shares,
        planning: [PublishedPlanningTime] = Self.planning
    ) -> ArtifactPart {
        FigureEvaluation.part(
            EvaluationResult(
                figures: figures.map { name in
                    Figure(
                        name: name,
                        title: name,
                        text: "",
                        sheet: ChartSheet(title: name, columns: 1, charts: []),
                        table: FigureTable(columns: [], rows: [])
                    )
                },
                throughputs: throughputs,
                effectiveShares: shares,
                planningTimes: planning,
                differences: [.init(what: "stale timers", size: "22 %", cause: "a bug")],
                provenance: [],
                hasSpotTraces: true
            )
        )
    }

    @Test("numbers that are met, also where they are printed cut off, pass")
    func met() {
        #expect(part().isPassed, "\(part().verdict)")
        #expect(part().checks.count == 8)
    }

    @Test(
        "a number that is off by a unit of its last digit, and a table without numbers, fall short"
    )
    func unmet() {
        var off = Self.throughputs
        off[2] = Self.value("table 4", "Varuna", 173.54, 173.52)
        #expect(
            part(throughputs: off).verdict.contains("Varuna, BERT-large, 10m: 173.540, printed")
        )
        let none = part(throughputs: Array(Self.throughputs.dropLast()))
        #expect(none.verdict.contains("no values to check"))
    }

    @Test("a figure that is missing is named as the paper numbers it")
    func missingFigure() {
        let names = FigureEvaluation.wanted.map(\.name).filter { $0 != "throughput-over-time" }
        #expect(part(figures: names).verdict.contains("missing: figures 10 and 12"))
    }

    @Test("a policy that is faster than Oobleck, or more effective, falls short")
    func winner() {
        var slow = Self.throughputs
        slow[1] = Self.value("table 2", "Oobleck", 282.116, 282.11, corrected: 100)
        #expect(
            part(throughputs: slow).shortfalls.map(\.found) == ["BERT-large: Varuna is not slower"]
        )
        var wasteful = Self.shares
        wasteful[0] = Self.value("figures 1 and 11", "Varuna", 0.94, 0.54, corrected: 0.98)
        #expect(
            part(shares: wasteful).verdict.contains("Varuna, BERT-large, 10m: more than Oobleck")
        )
        wasteful[0] = Self.value("figures 1 and 11", "Varuna", 0.94, 0.54, corrected: 1.1)
        #expect(part(shares: wasteful).verdict.contains("10m: 1.1"))
    }

    @Test("a template that takes longer to plan than published falls short")
    func slowPlanning() {
        let slow = PublishedPlanningTime(
            nodes: 8,
            devices: 1,
            layers: 24,
            published: 0.28,
            ours: 0.3
        )
        #expect(part(planning: [slow]).verdict.contains("8 x 1 nodes, 24 layers: 0.30 s"))
    }
}
