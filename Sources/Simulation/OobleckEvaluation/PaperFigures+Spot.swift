import OobleckFigures
import OobleckPaperSimulator
import OobleckSimulator

extension PaperFigures {
    /// Figures 10 and 12.
    func spot() -> Figure? {
        guard !results.traces.spot.isEmpty else { return nil }
        var rows: [[String]] = []
        var charts: [Chart] = []
        for entry in results.traces.spot {
            for model in [PaperModel.bertLarge, .gpt3With2700M, .gpt3With6700M] {
                var series: [Chart.Series] = []
                var (means, published) = ([Chart.Point](), [Chart.Point]())
                for policy in Self.policies {
                    for isCorrected in [false, true] {
                        guard
                            let result = results.result(
                                model,
                                policy,
                                entry.name,
                                isCorrected: isCorrected
                            ), result.reason == nil
                        else { continue }
                        let name = (Self.titles[policy] ?? "") + (isCorrected ? ", corrected" : "")
                        // More lines than these could not be told apart.
                        if !isCorrected || policy == .oobleck {
                            series.append(
                                Chart.Series(
                                    name,
                                    .plainLine,
                                    style: PolicyStyle.of(policy, isCorrected: isCorrected),
                                    Self.binned(result, seconds: 1800)
                                )
                            )
                        }
                        let end = result.duration / 3600
                        let printed = PublishedTables.value(
                            PublishedTables.spot,
                            model,
                            policy,
                            entry.name
                        )
                        if !isCorrected {
                            means.append(Chart.Point(end, result.throughput))
                            if let printed { published.append(Chart.Point(end, printed.corrected)) }
                        }
                        rows.append(
                            [
                                entry.name, model.rawValue, policy.rawValue,
                                isCorrected ? "corrected" : "paper-compatible",
                                FigureTable.number(result.throughput),
                                printed.map { FigureTable.number($0.proceedings) } ?? "",
                                printed.map { FigureTable.number($0.corrected) } ?? "",
                                FigureTable.number(result.states.stopped),
                                FigureTable.number(result.duration),
                            ]
                        )
                    }
                }
                series += [
                    Chart.Series(
                        "published mean of the run (arXiv v2)",
                        .marks(overBars: nil),
                        style: 0,
                        published
                    ),
                    Chart.Series("our mean of the run", .dots(overBars: nil), style: 3, means),
                ]
                charts.append(
                    Chart(
                        title: "\(model.rawValue), \(entry.title)",
                        horizontal: ChartAxis("time (hours)"),
                        vertical: ChartAxis("throughput (samples/s)"),
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
                come wait until one goes. The light, dashed line is Oobleck with both set right; the table has \
                the others. At the right end stand the means of whole runs: small diamonds are ours, \
                paper-compatible, circles those on arXiv as far as they are known, Varuna's read off \
                by eye. The trace that the paper calls GCP has the event times of an AWS g4dn trace.
                """,
            sheet: ChartSheet(
                title: "Throughput over time on spot traces",
                columns: 3,
                charts: charts
            ),
            table: FigureTable(
                columns: [
                    "trace", "model", "policy", "mode", "samples_per_second",
                    "published_proceedings", "published_arxiv_v2", "stopped_seconds",
                    "wall_clock_seconds",
                ],
                rows: rows
            )
        )
    }

    /// The mean rate of each stretch of time, in hours.
    private static func binned(_ result: PaperResult, seconds: Double) -> [Chart.Point] {
        meanRates(
            result.timeline.map { ($0.end, $0.throughput) },
            duration: result.duration,
            seconds: seconds
        )
    }

    /// The mean over each stretch of `seconds` of a rate that is constant up to each of the ends;
    /// the last stretch is as long as is left of `duration`.
    static func meanRates(
        _ rates: [(end: Double, rate: Double)],
        duration: Double,
        seconds: Double
    ) -> [Chart.Point] {
        let bins = max(1, Int((duration / seconds).rounded(.up)))
        var samples = [Double](repeating: 0, count: bins)
        var start = 0.0
        for step in rates {
            var time = start
            while time < step.end {
                let bin = min(bins - 1, Int(time / seconds))
                let end = min(step.end, bin == bins - 1 ? step.end : Double(bin + 1) * seconds)
                samples[bin] += step.rate * (end - time)
                time = end
            }
            start = step.end
        }
        return samples.enumerated().map { bin, sum in
            let begin = Double(bin) * seconds
            let length = bin == bins - 1 ? max(1e-9, duration - begin) : seconds
            return Chart.Point((begin + length / 2) / 3600, sum / length)
        }
    }
}
