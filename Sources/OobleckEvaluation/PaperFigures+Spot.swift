import OobleckFigures
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
                for (index, policy) in Self.policies.enumerated() {
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
                                    style: isCorrected ? 4 : index,
                                    Self.binned(result, seconds: 1800)
                                )
                            )
                        }
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
                come wait until one goes. The dashed line is Oobleck with both set right; the table has \
                the others. The trace that the paper calls GCP has the event times of an AWS g4dn trace.
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
}
