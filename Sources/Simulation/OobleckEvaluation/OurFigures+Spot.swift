import OobleckCore
import OobleckFigures
import OobleckSimulator

extension OurFigures {
    /// From a node's coming to its use, as the published simulators have it.
    private static let nodeStartup: Seconds = 45

    /// Losses of a last copy are frequent here, so that an hour would often never pass.
    private static let backupInterval: Seconds = 600

    /// Goodput of all policies on spot traces, also on one as it was recorded.
    func spot(_ entries: [EvaluationTraces.Entry]) throws -> Figure? {
        guard !entries.isEmpty else { return nil }
        let (model, shape) = try Self.model("GPT-3-6.7b")
        let policies = SimulatedPolicy.allCases
        var charts: [Chart] = []
        let names = policies.map { $0.rawValue.replacing("-", with: "-\n", maxReplacements: 1) }
        var rows: [[String]] = []
        for entry in entries {
            let history = ClusterHistory(
                entry.trace,
                startup: SimulatedTime(Self.nodeStartup)
            )
            let results = try SimulationExperiment(
                model: model,
                source: .history(history),
                policies: policies,
                backupInterval: Self.backupInterval
            )
            .run()
            var bars: [Chart.Series] = []
            for (index, result) in results.enumerated() {
                guard result.obstacle == nil, let outcome = result.outcomes.first else { continue }
                let (samples, seconds) = (outcome.samples, outcome.duration.seconds)
                let point = Chart.Point(
                    Double(index),
                    outcome.goodput,
                    terms: "\(Int(samples.rounded())) in \(Int(seconds.rounded())) s"
                )
                bars.append(
                    Chart.Series(
                        result.policy.label,
                        .stackedBars,
                        style: PolicyStyle.of(result.policy),
                        isInLegend: false,
                        [point]
                    )
                )
                rows.append(
                    [
                        shape.name, entry.name, "\(history.mostNodes)", "\(history.leastNodes)",
                        result.policy.rawValue, FigureTable.number(outcome.goodput),
                        FigureTable.number(samples), FigureTable.number(seconds),
                        "\(outcome.losses)", "\(outcome.lostSteps)",
                    ] + Self.nodeHours(result)
                )
            }
            charts.append(
                Chart(
                    title: "GPT-3 6.7b, \(entry.title)",
                    horizontal: ChartAxis("policy", .categories(names)),
                    vertical: ChartAxis("goodput (samples/s)"),
                    series: bars
                )
            )
        }
        return Figure(
            name: "goodput-on-spot-traces",
            title: "Goodput on spot traces, all policies",
            text: """
                GPT-3 6.7b in our model of the machines, with the production planner, on the two scaled \
                traces and, if it is there, on the one from which the first was made as it was \
                recorded: 10 to 32 nodes, up to six lost at once. A node can be used 45 s after it \
                comes. Policies that copy from live nodes write a checkpoint in the background every ten \
                minutes, as so many lost at once often take a last copy with them. One world, so there \
                are no intervals.
                """,
            sheet: ChartSheet(
                title: "Goodput on spot traces",
                columns: 1,
                height: 280,
                charts: charts
            ),
            table: FigureTable(
                columns: [
                    "model", "trace", "most_nodes", "least_nodes", "policy",
                    "goodput_samples_per_second", "samples", "wall_clock_seconds", "losses",
                    "lost_steps",
                ] + Self.nodeHourColumns,
                rows: rows
            )
        )
    }
}
