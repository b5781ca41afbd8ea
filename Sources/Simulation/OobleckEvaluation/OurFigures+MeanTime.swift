import OobleckCore
import OobleckFigures
import OobleckSimulator

extension OurFigures {
    /// Goodput against the mean time between failures, all policies.
    func meanTime() throws -> Figure {
        let nodes = 30
        let (model, shape) = try Self.model("GPT-3-2.7b")
        var points = SimulatedPolicy.allCases.map { _ in [Chart.Point]() }
        var shortfalls = points
        var rows: [[String]] = []
        for hour in extent.meanHours {
            let law = FailureModel(
                meanTimeBetweenFailures: Seconds(3600 * hour),
                repairTime: 1200,
                hangShare: 0.1
            )
            let results = try SimulationExperiment(
                model: model,
                source: .chance(law, nodes: nodes, duration: 86_400),
                policies: SimulatedPolicy.allCases,
                trials: trials,
                seed: seed
            )
            .run()
            guard let free = results.first(where: { $0.policy == .zeroCost }) else { continue }
            for (index, result) in results.enumerated() where result.obstacle == nil {
                let goodput = result.estimate(\.goodput)
                points[index].append(
                    Chart.Point(hour, goodput.mean, margin: goodput.margin ?? 0)
                )
                let shortfall = free.difference(to: result, \.goodput)
                // What is above zero by chance alone has no place on an axis by powers of ten.
                if shortfall.mean > shortfall.margin ?? 0 {
                    shortfalls[index].append(
                        Chart.Point(hour, shortfall.mean, margin: shortfall.margin ?? 0)
                    )
                }
                rows.append(
                    [
                        shape.name, "\(nodes)", FigureTable.number(hour), result.policy.rawValue,
                        FigureTable.number(goodput.mean), FigureTable.number(goodput.margin),
                        FigureTable.number(shortfall.mean), FigureTable.number(shortfall.margin),
                        "\(goodput.trials)",
                    ] + Self.nodeHours(result)
                )
            }
        }
        let charts =
            Self.charts(
                points,
                ChartAxis("goodput (samples/s)"),
                bounds: [.zeroCost, .clairvoyant]
            )
            + Self.charts(
                shortfalls,
                ChartAxis("below zero-cost (samples/s)", .logarithmic),
                bounds: []
            )
        return Figure(
            name: "goodput-by-mean-time",
            title: "Goodput against the failure rate, all policies",
            text: """
                GPT-3 2.7b on 30 nodes for a day; nodes fail by chance and are back after 20 minutes \
                on average, one failure in ten is a silent hang. \(trials) worlds for each point, the \
                same for all policies, with 95 % intervals. zero-cost: every change is free, and steps \
                are as fast as any policy's; clairvoyant: besides, no bubbles. replica-drop shrinks the \
                batch. Below: what a policy lacks to zero-cost, left out where the interval reaches \
                zero. Each policy has a chart of its own, all with the same axes. oobleck-sosp23 can do better with more failures: the published rule keeps the \
                unequal pipelines that a loss leaves until the next one moves it on.
                """,
            sheet: ChartSheet(
                title: "Goodput against the failure rate",
                columns: 4,
                height: 280,
                charts: charts
            ),
            table: FigureTable(
                columns: [
                    "model", "nodes", "mtbf_hours", "policy", "goodput_samples_per_second", "ci95",
                    "less_than_zero_cost_samples_per_second", "less_ci95", "trials",
                ] + Self.nodeHourColumns,
                rows: rows
            )
        )
    }

    /// A chart for each policy, beside Oobleck and the bounds; all have the same axes.
    private static func charts(
        _ points: [[Chart.Point]],
        _ vertical: ChartAxis,
        bounds: [SimulatedPolicy]
    ) -> [Chart] {
        let all = SimulatedPolicy.allCases
        func series(_ policy: SimulatedPolicy, _ kind: Chart.Kind, isInLegend: Bool) -> Chart.Series
        {
            Chart.Series(
                policy.label,
                kind,
                style: PolicyStyle.of(policy),
                isInLegend: isInLegend,
                all.firstIndex(of: policy).map { points[$0] } ?? []
            )
        }
        var vertical = vertical
        vertical.reach = points.joined().map { $0.y + $0.margin }
        return all.filter { !$0.isBound && $0 != .oobleck }.map { policy in
            Chart(
                title: policy.label,
                horizontal: ChartAxis(
                    "node-hours between failures",
                    .logarithmic,
                    reach: points.joined().map(\.x)
                ),
                vertical: vertical,
                series: bounds.map { series($0, .plainLine, isInLegend: true) }
                    + [series(.oobleck, .line, isInLegend: true)]
                    + [series(policy, .line, isInLegend: false)]
            )
        }
    }
}
