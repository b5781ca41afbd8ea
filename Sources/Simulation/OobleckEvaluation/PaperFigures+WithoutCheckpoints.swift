import OobleckFigures
import OobleckPaperSimulator
import OobleckSimulator

extension PaperFigures {
    /// Figure 13 and table 4.
    func withoutCheckpoints() -> Figure {
        let policies: [PaperPolicy] = [.varuna, .varunaWithoutOverhead, .oobleck]
        let periods = ["6h", "1h", "10m"]
        let table = PublishedTables.withoutCheckpoints
        let models: [PaperModel] = [.bertLarge, .gpt3With6700M]
        let charts = models.map { periodChart($0, policies, periods, table) }
        return Figure(
            name: "without-checkpoint-overhead",
            title: "If checkpoints cost nothing (paper, figure 13 and table 4)",
            text: """
                Even with free checkpoints every second step, a restart for each failure remains. The \
                values of Varuna on arXiv differ from the public simulator; those of the proceedings \
                are met to the last printed digit.
                """,
            sheet: ChartSheet(title: "If checkpoints cost nothing", columns: 2, charts: charts),
            table: FigureTable(
                columns: Self.periodColumns,
                rows: models.flatMap { periodRows($0, policies, periods, table) }
            )
        )
    }
}
