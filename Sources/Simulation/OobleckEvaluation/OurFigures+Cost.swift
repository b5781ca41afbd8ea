import OobleckCore
import OobleckFigures
import OobleckSimulator

extension OurFigures {
    /// What a million tokens cost, against how fast they are trained.
    func cost() throws -> Figure {
        let policies: [SimulatedPolicy] = [
            .oobleck, .varuna, .asynchronousCheckpoint, .recycle, .hotSpares, .bamboo, .zeroCost,
        ]
        let (model, shape) = try Self.model("GPT-3-2.7b")
        var points = policies.map { _ in [Chart.Point]() }
        var rows: [[String]] = []
        for nodes in extent.spotSizes {
            let law = FailureModel(
                meanTimeBetweenFailures: Seconds(6 * 3600),
                repairTime: 1800,
                groupSize: 4,
                groupMeanTimeBetweenFailures: Seconds(48 * 3600)
            )
            let results = try SimulationExperiment(
                model: model,
                source: .chance(law, nodes: nodes, duration: 86_400),
                policies: policies,
                trials: trials,
                seed: seed
            )
            .run()
            for (index, result) in results.enumerated() where result.obstacle == nil {
                let goodput = result.estimate { $0.tokenGoodput }
                let tokens = result.estimate { $0.tokenGoodput * $0.duration.seconds }
                let price = result.estimate {
                    $0.cost / max(1e-9, $0.tokenGoodput * $0.duration.seconds) * 1e6
                }
                let dollars = result.estimate(\.cost)
                points[index].append(
                    Chart.Point(
                        goodput.mean,
                        price.mean,
                        margin: price.margin ?? 0,
                        terms: "\(Int(dollars.mean.rounded())) dollars for "
                            + "\(Int((tokens.mean / 1e6).rounded())) million; \(nodes) nodes"
                    )
                )
                rows.append(
                    [
                        shape.name, "\(nodes)", result.policy.rawValue,
                        FigureTable.number(goodput.mean), FigureTable.number(goodput.margin),
                        FigureTable.number(price.mean), FigureTable.number(price.margin),
                        FigureTable.number(dollars.mean),
                        FigureTable.number(tokens.mean), "\(price.trials)",
                    ]
                )
            }
        }
        return Figure(
            name: "cost-by-goodput",
            title: "Cost against goodput",
            text: """
                GPT-3 2.7b on 12, 16, 24, 32 and 48 preemptible nodes (marks from left to right) at 0.91 \
                dollars an hour; each node goes every six hours on average, racks of four every two \
                days, and a node is back after half an hour. Further down and to the right is better.
                """,
            sheet: ChartSheet(
                title: "Cost of a million tokens against goodput",
                columns: 1,
                height: 430,
                charts: [
                    Chart(
                        title: "GPT-3 2.7b",
                        horizontal: ChartAxis("goodput (tokens/s)"),
                        vertical: ChartAxis("dollars for a million tokens"),
                        namesLines: true,
                        series: policies.indices.map {
                            Chart.Series(
                                policies[$0].label,
                                .line,
                                style: PolicyStyle.of(policies[$0]),
                                points[$0]
                            )
                        }
                    )
                ]
            ),
            table: FigureTable(
                columns: [
                    "model", "nodes", "policy", "goodput_tokens_per_second", "goodput_ci95",
                    "dollars_per_million_tokens", "dollars_ci95", "dollars", "tokens", "trials",
                ],
                rows: rows
            )
        )
    }
}
