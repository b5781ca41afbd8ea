import OobleckFigures
import OobleckSimulator

extension PaperFigures {
    /// Figure 9 and table 2.
    func frequency() -> Figure {
        let periods = EvaluationTraces.periods.map(\.name)
        let table = PublishedTables.throughput
        let charts = PaperModel.allCases.map { periodChart($0, Self.policies, periods, table) }
        return Figure(
            name: "throughput-by-failure-frequency",
            title: "Throughput against failure frequency (paper, figure 9 and table 2)",
            text: """
                Bars are the published evaluation run again, to the digit of its own simulator. Circles \
                are the values printed on arXiv, small diamonds the same runs in corrected mode. Bamboo \
                cannot hold the GPT-3 models. One failure at a time, at a fixed period, is kind to \
                checkpoints: with failures by chance Varuna does worse than here.
                """,
            sheet: ChartSheet(
                title: "Throughput against failure frequency",
                columns: 3,
                charts: charts
            ),
            table: FigureTable(
                columns: Self.periodColumns,
                rows: PaperModel.allCases.flatMap {
                    periodRows($0, Self.policies, periods, table)
                }
            )
        )
    }
}
