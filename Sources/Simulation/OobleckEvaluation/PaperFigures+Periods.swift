import OobleckFigures
import OobleckPaperSimulator
import OobleckSimulator

/// What the figures of throughput against time between failures have in common.
extension PaperFigures {
    static let periodColumns = [
        "model", "policy", "period", "paper_compatible_samples_per_second",
        "published_proceedings", "published_arxiv_v2", "corrected_samples_per_second",
    ]

    /// Bars of the published evaluation run again, marks of the printed values, dots of the same
    /// runs in corrected mode.
    func periodChart(
        _ model: PaperModel,
        _ policies: [PaperPolicy],
        _ periods: [String],
        _ published: [PublishedTables.Row]
    ) -> Chart {
        let bars = policies.map { policy in
            let points = periods.enumerated().map { place, period in
                Chart.Point(Double(place), results.throughput(model, policy, period))
            }
            let name = Self.titles[policy] ?? ""
            return Chart.Series(name, .bars, style: PolicyStyle.of(policy), points)
        }
        let marks = policies.enumerated().flatMap { index, policy in
            let printed = periods.enumerated().compactMap { place, period in
                PublishedTables.value(published, model, policy, period)
                    .map { Chart.Point(Double(place), $0.corrected) }
            }
            let corrected = periods.enumerated().compactMap { place, period in
                // What cannot hold the model has no throughput, rather than none a second.
                PaperSimulation.canHold(model, policy)
                    ? Chart.Point(
                        Double(place),
                        results.throughput(model, policy, period, isCorrected: true)
                    ) : nil
            }
            return [
                Chart.Series("published (arXiv v2)", .marks(overBars: index), style: 0, printed),
                Chart.Series("ours, corrected mode", .dots(overBars: index), style: 3, corrected),
            ]
        }
        return Chart(
            title: model.rawValue + Self.without(policies, model),
            horizontal: ChartAxis("time between failures", .categories(periods)),
            vertical: ChartAxis("throughput (samples/s)"),
            series: bars + marks
        )
    }

    /// Says which policies have no bars because they cannot hold the model.
    private static func without(_ policies: [PaperPolicy], _ model: PaperModel) -> String {
        let names = policies.filter { !PaperSimulation.canHold(model, $0) }
            .map { titles[$0] ?? $0.rawValue }
        return names.isEmpty ? "" : " (\(names.joined(separator: ", ")) cannot hold it)"
    }

    /// The chart's values, in ``periodColumns``.
    func periodRows(
        _ model: PaperModel,
        _ policies: [PaperPolicy],
        _ periods: [String],
        _ published: [PublishedTables.Row]
    ) -> [[String]] {
        policies.flatMap { policy in
            periods.map { period in
                let printed = PublishedTables.value(published, model, policy, period)
                let corrected = results.throughput(model, policy, period, isCorrected: true)
                return [
                    model.rawValue, policy.rawValue, period,
                    FigureTable.number(results.throughput(model, policy, period)),
                    printed.map { FigureTable.number($0.proceedings) } ?? "",
                    printed.map { FigureTable.number($0.corrected) } ?? "",
                    FigureTable.number(corrected),
                ]
            }
        }
    }
}
