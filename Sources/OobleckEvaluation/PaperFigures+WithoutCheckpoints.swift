import OobleckFigures
import OobleckSimulator

extension PaperFigures {
    /// Figure 13 and table 4.
    func withoutCheckpoints() -> Figure {
        let policies: [PaperPolicy] = [.varuna, .varunaWithoutOverhead, .oobleck]
        let periods = ["6h", "1h", "10m"]
        var rows: [[String]] = []
        let charts = [PaperModel.bertLarge, .gpt3With6700M].map { model in
            var series: [Chart.Series] = []
            for (index, policy) in policies.enumerated() {
                series.append(
                    Chart.Series(
                        Self.titles[policy] ?? "",
                        .bars,
                        style: index,
                        periods.enumerated().map { place, period in
                            Chart.Point(Double(place), results.throughput(model, policy, period))
                        }
                    )
                )
            }
            for (index, policy) in policies.enumerated() {
                let table = PublishedTables.withoutCheckpoints
                series.append(
                    Chart.Series(
                        "published (arXiv v2)",
                        .marks(overBars: index),
                        style: 0,
                        periods.enumerated().compactMap { place, period in
                            PublishedTables.value(table, model, policy, period)
                                .map { Chart.Point(Double(place), $0.corrected) }
                        }
                    )
                )
                series.append(
                    Chart.Series(
                        "ours, corrected mode",
                        .dots(overBars: index),
                        style: 3,
                        periods.enumerated().map { place, period in
                            Chart.Point(
                                Double(place),
                                results.throughput(model, policy, period, isCorrected: true)
                            )
                        }
                    )
                )
                for period in periods {
                    let published = PublishedTables.value(table, model, policy, period)
                    rows.append(
                        [
                            model.rawValue, policy.rawValue, period,
                            FigureTable.number(results.throughput(model, policy, period)),
                            published.map { FigureTable.number($0.proceedings) } ?? "",
                            published.map { FigureTable.number($0.corrected) } ?? "",
                            FigureTable.number(
                                results.throughput(model, policy, period, isCorrected: true)
                            ),
                        ]
                    )
                }
            }
            return Chart(
                title: model.rawValue,
                horizontal: ChartAxis("time between failures", .categories(periods)),
                vertical: ChartAxis("samples/s"),
                series: series
            )
        }
        return Figure(
            name: "without-checkpoint-overhead",
            title: "If checkpoints cost nothing (paper, figure 13 and table 4)",
            text: """
                Even with free checkpoints every second step, a restart for each failure remains. The \
                values of Varuna on arXiv differ from the public simulator; those of the proceedings \
                are met to the last printed digit.
                """,
            svg: ChartSheet(title: "If checkpoints cost nothing", columns: 2, charts: charts).svg,
            table: FigureTable(
                columns: [
                    "model", "policy", "period", "paper_compatible_samples_per_second",
                    "published_proceedings", "published_arxiv_v2", "corrected_samples_per_second",
                ],
                rows: rows
            )
        )
    }
}
