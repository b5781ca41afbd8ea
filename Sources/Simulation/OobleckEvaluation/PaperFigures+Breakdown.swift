import OobleckFigures
import OobleckPaperSimulator
import OobleckSimulator

extension PaperFigures {
    /// Figures 1 and 11.
    func breakdown() -> Figure {
        let cases: [(PaperModel, PaperPolicy, String)] = [
            (.bertLarge, .bamboo, "6h"), (.bertLarge, .bamboo, "10m"), (.bertLarge, .varuna, "6h"),
            (.bertLarge, .varuna, "10m"), (.bertLarge, .oobleck, "6h"),
            (.bertLarge, .oobleck, "10m"),
            (.gpt3With6700M, .varuna, "6h"), (.gpt3With6700M, .varuna, "10m"),
            (.gpt3With6700M, .oobleck, "6h"), (.gpt3With6700M, .oobleck, "10m"),
        ]
        let parts = ["effective", "redundant", "rebalance", "restart", "checkpoint", "fallback"]
        var rows: [[String]] = []
        let charts = [false, true].map { isCorrected in
            var values = parts.map { _ in [Chart.Point]() }
            var names: [String] = []
            for (place, (model, policy, period)) in cases.enumerated() {
                guard
                    let result = results.result(model, policy, period, isCorrected: isCorrected)
                else { continue }
                let published = PublishedTables.value(
                    PublishedTables.effectiveShares,
                    model,
                    policy,
                    period
                )
                let seconds = Self.seconds(result.breakdown)
                for (index, part) in seconds.enumerated() {
                    let terms = "\(Self.whole(part)) s of \(Self.whole(result.duration)) s"
                    let share = part / result.duration
                    values[index].append(Chart.Point(Double(place), share, terms: terms))
                }
                names.append(
                    "\(Self.titles[policy] ?? "") \(model == .bertLarge ? "BERT" : "6.7b") \(period)\n"
                        + "\(Self.whole(result.duration)) s"
                )
                rows.append(
                    [
                        model.rawValue, policy.rawValue, period,
                        isCorrected ? "counted-once" : "paper-compatible",
                        FigureTable.number(result.duration),
                    ] + seconds.map { FigureTable.number($0) }
                        + [
                            published.map { FigureTable.number($0.proceedings) } ?? "",
                            published.map { FigureTable.number($0.corrected) } ?? "",
                        ]
                )
            }
            return Chart(
                title: isCorrected ? "each second counted once" : "as published",
                horizontal: ChartAxis(
                    "policy, model, time between failures; wall clock of the run",
                    .categories(names)
                ),
                vertical: ChartAxis("parts / wall clock"),
                series: parts.indices.map { Chart.Series(parts[$0], .stackedBars, values[$0]) }
                    + [Self.publishedShares(cases)]
            )
        }
        let worst = overcounted(.gpt3With6700M, .varuna, "10m")
        return Figure(
            name: "time-breakdown",
            title: "Where the time goes (paper, figures 1 and 11)",
            text: """
                The parts of the public simulator add up to more than the wall clock\(worst): a step that \
                is interrupted counts as effective and as fallback, and a step that Varuna loses counts \
                twice. The lower chart counts every second once; what is missing to 1 is the time before \
                the first step and without enough nodes. Under each bar \
                stands the wall clock that it is a share of; the table has all seconds. Circles are the \
                effective shares of the figure on arXiv, read off by eye; it does not print their terms.
                """,
            sheet: ChartSheet(title: "Where the time goes", columns: 1, charts: charts),
            table: FigureTable(
                columns: ["model", "policy", "period", "mode", "wall_clock_seconds"]
                    + parts.map { "\($0)_seconds" } + [
                        "published_effective_share_proceedings",
                        "published_effective_share_arxiv_v2",
                    ],
                rows: rows
            )
        )
    }

    /// The parts of a run, in the order of the figure.
    private static func seconds(_ b: PaperResult.Breakdown) -> [Double] {
        [b.effective, b.redundant, b.rebalance, b.restart, b.checkpoint, b.fallback]
    }

    private static func whole(_ seconds: Double) -> String { "\(Int(seconds.rounded()))" }

    private static func publishedShares(
        _ cases: [(PaperModel, PaperPolicy, String)]
    ) -> Chart.Series {
        Chart.Series(
            "effective, published (arXiv v2)",
            .marks(overBars: nil),
            style: 0,
            cases.enumerated().compactMap { place, entry in
                PublishedTables.value(
                    PublishedTables.effectiveShares,
                    entry.0,
                    entry.1,
                    entry.2
                )
                .map { Chart.Point(Double(place), $0.corrected) }
            }
        )
    }

    /// The seconds of all parts of a run, and those of the run.
    private func overcounted(
        _ model: PaperModel,
        _ policy: PaperPolicy,
        _ period: String
    ) -> String {
        guard let result = results.result(model, policy, period) else { return "" }
        let parts = Self.seconds(result.breakdown)
        return
            ", \(Self.whole(parts.reduce(0, +))) s of \(Self.whole(result.duration)) s for "
            + "\(Self.titles[policy] ?? "") with \(model.rawValue) at \(period)"
    }
}
