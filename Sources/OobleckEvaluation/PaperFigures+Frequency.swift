import OobleckFigures
import OobleckSimulator

extension PaperFigures {
    /// Figure 9 and table 2.
    func frequency() -> Figure {
        let periods = EvaluationTraces.periods.map(\.name)
        var rows: [[String]] = []
        let charts = PaperModel.allCases.map { model in
            var series: [Chart.Series] = []
            for (index, policy) in Self.policies.enumerated() {
                let points = periods.enumerated().map { place, period in
                    let published = PublishedTables.value(
                        PublishedTables.throughput,
                        model,
                        policy,
                        period
                    )
                    let value = results.throughput(model, policy, period)
                    let corrected = results.throughput(model, policy, period, isCorrected: true)
                    rows.append(
                        [
                            model.rawValue, policy.rawValue, period, FigureTable.number(value),
                            published.map { FigureTable.number($0.proceedings) } ?? "",
                            published.map { FigureTable.number($0.corrected) } ?? "",
                            FigureTable.number(corrected),
                        ]
                    )
                    return Chart.Point(Double(place), value)
                }
                series.append(Chart.Series(Self.titles[policy] ?? "", .bars, style: index, points))
            }
            for (index, policy) in Self.policies.enumerated() {
                let published = periods.enumerated().compactMap { place, period in
                    PublishedTables.value(PublishedTables.throughput, model, policy, period)
                        .map { Chart.Point(Double(place), $0.corrected) }
                }
                series.append(
                    Chart.Series(
                        "published (arXiv v2)",
                        .marks(overBars: index),
                        style: 0,
                        published
                    )
                )
                let corrected = periods.enumerated().compactMap { place, period in
                    // What cannot hold the model has no throughput, rather than none a second.
                    PaperSimulation.canHold(model, policy)
                        ? Chart.Point(
                            Double(place),
                            results.throughput(model, policy, period, isCorrected: true)
                        ) : nil
                }
                series.append(
                    Chart.Series(
                        "ours, corrected mode",
                        .dots(overBars: index),
                        style: 3,
                        corrected
                    )
                )
            }
            return Chart(
                title: model.rawValue,
                horizontal: ChartAxis("time between failures", .categories(periods)),
                vertical: ChartAxis("samples/s"),
                series: series
            )
        }
        return Figure(
            name: "throughput-by-failure-frequency",
            title: "Throughput against failure frequency (paper, figure 9 and table 2)",
            text: """
                Bars are the published evaluation run again, to the digit of its own simulator. Circles \
                are the values printed on arXiv, small diamonds the same runs in corrected mode. Bamboo \
                cannot hold the GPT-3 models. One failure at a time, at a fixed period, is kind to \
                checkpoints: with failures by chance Varuna does worse than here.
                """,
            svg: ChartSheet(
                title: "Throughput against failure frequency",
                columns: 3,
                charts: charts
            ).svg,
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
