import OobleckFigures
import OobleckSimulator

/// The paper's figures and tables, with the published values beside ours.
struct PaperFigures {
    let results: PaperResults

    private static let policies: [PaperPolicy] = [.bamboo, .varuna, .oobleck]
    private static let titles: [PaperPolicy: String] = [
        .bamboo: "Bamboo", .varuna: "Varuna", .oobleck: "Oobleck",
        .varunaWithoutOverhead: "Varuna without checkpoint overhead",
    ]

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

    /// Figures 10 and 12.
    func spot() -> Figure? {
        guard !results.traces.spot.isEmpty else { return nil }
        var rows: [[String]] = []
        var charts: [Chart] = []
        for entry in results.traces.spot {
            for model in [PaperModel.bertLarge, .gpt3With2700M, .gpt3With6700M] {
                var series: [Chart.Series] = []
                for (index, policy) in Self.policies.enumerated() {
                    for isCorrected in [false, true] {
                        guard isCorrected ? policy == .oobleck : true,
                            let result = results.result(
                                model,
                                policy,
                                entry.name,
                                isCorrected: isCorrected
                            ), result.reason == nil
                        else { continue }
                        let name = (Self.titles[policy] ?? "") + (isCorrected ? ", corrected" : "")
                        series.append(
                            Chart.Series(
                                name,
                                .plainLine,
                                style: isCorrected ? 4 : index,
                                Self.binned(result, seconds: 1800)
                            )
                        )
                        rows.append(
                            [
                                entry.name, model.rawValue, policy.rawValue,
                                isCorrected ? "corrected" : "paper-compatible",
                                FigureTable.number(result.throughput),
                                FigureTable.number(result.states.stopped),
                            ]
                        )
                    }
                }
                charts.append(
                    Chart(
                        title: "\(model.rawValue), \(entry.title)",
                        horizontal: ChartAxis("hours"),
                        vertical: ChartAxis("samples/s"),
                        series: series
                    )
                )
            }
        }
        return Figure(
            name: "throughput-over-time",
            title: "Throughput over time on spot traces (paper, figures 10 and 12)",
            text: """
                Means of half an hour. As published, several removals at once stop the system until the \
                next event, because each starts a timer and only the first finds nodes; and nodes that \
                come wait until one goes. The dashed line is Oobleck with both set right. The trace \
                that the paper calls GCP has the event times of an AWS g4dn trace.
                """,
            svg: ChartSheet(
                title: "Throughput over time on spot traces",
                columns: 3,
                charts: charts
            ).svg,
            table: FigureTable(
                columns: [
                    "trace", "model", "policy", "mode", "samples_per_second", "stopped_seconds",
                ],
                rows: rows
            )
        )
    }

    /// The mean rate of each stretch of time, in hours.
    private static func binned(_ result: PaperResult, seconds: Double) -> [Chart.Point] {
        let bins = max(1, Int((result.duration / seconds).rounded(.up)))
        var samples = [Double](repeating: 0, count: bins)
        var start = 0.0
        for step in result.timeline {
            var time = start
            while time < step.end {
                let bin = min(bins - 1, Int(time / seconds))
                let end = min(step.end, bin == bins - 1 ? step.end : Double(bin + 1) * seconds)
                samples[bin] += step.throughput * (end - time)
                time = end
            }
            start = step.end
        }
        return samples.enumerated().map { bin, sum in
            Chart.Point((Double(bin) + 0.5) * seconds / 3600, sum / seconds)
        }
    }

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
        let names = cases.map { model, policy, period in
            "\((Self.titles[policy] ?? "").prefix(3)) \(model == .bertLarge ? "BERT" : "6.7b") \(period)"
        }
        var rows: [[String]] = []
        let charts = [false, true].map { isCorrected in
            var values = parts.map { _ in [Chart.Point]() }
            for (place, (model, policy, period)) in cases.enumerated() {
                guard
                    let result = results.result(model, policy, period, isCorrected: isCorrected)
                else { continue }
                let b = result.breakdown
                let seconds = [
                    b.effective, b.redundant, b.rebalance, b.restart, b.checkpoint, b.fallback,
                ]
                for (index, part) in seconds.enumerated() {
                    values[index].append(Chart.Point(Double(place), part / result.duration))
                }
                rows.append(
                    [
                        model.rawValue, policy.rawValue, period,
                        isCorrected ? "counted-once" : "paper-compatible",
                        FigureTable.number(result.duration),
                    ] + seconds.map { FigureTable.number($0) }
                )
            }
            return Chart(
                title: isCorrected ? "each second counted once" : "as published",
                horizontal: ChartAxis("policy, model, time between failures", .categories(names)),
                vertical: ChartAxis("parts / wall clock"),
                series: parts.indices.map { Chart.Series(parts[$0], .stackedBars, values[$0]) }
            )
        }
        return Figure(
            name: "time-breakdown",
            title: "Where the time goes (paper, figures 1 and 11)",
            text: """
                The published parts add up to more than the wall clock, 3.3 times for Varuna with GPT-3 \
                6.7b at 10 minutes: a step that is interrupted counts as effective and as fallback, and \
                a step that Varuna loses counts twice. The lower chart counts every second once; what \
                is missing to 1 is the time before the first step and without enough nodes.
                """,
            svg: ChartSheet(title: "Where the time goes", columns: 1, charts: charts).svg,
            table: FigureTable(
                columns: ["model", "policy", "period", "mode", "wall_clock_seconds"]
                    + parts.map { "\($0)_seconds" },
                rows: rows
            )
        )
    }

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
