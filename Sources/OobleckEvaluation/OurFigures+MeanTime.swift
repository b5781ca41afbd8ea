import OobleckCore
import OobleckFigures
import OobleckSimulator

extension OurFigures {
    /// Goodput against the mean time between failures, all policies.
    func meanTime() throws -> Figure {
        let nodes = 30
        let (model, shape) = try Self.model("GPT-3-2.7b")
        var points = SimulatedPolicy.allCases.map { _ in [Chart.Point]() }
        var rows: [[String]] = []
        for hour in extent.meanHours {
            let law = FailureModel(
                meanTimeBetweenFailures: Seconds(3600 * hour),
                repairTime: 1200,
                hangShare: 0.1
            )
            let results = try Experiment(
                model: model,
                source: .chance(law, nodes: nodes, duration: 86_400),
                policies: SimulatedPolicy.allCases,
                trials: trials,
                seed: seed
            )
            .run()
            for (index, result) in results.enumerated() where result.obstacle == nil {
                let goodput = result.estimate(\.goodput)
                points[index].append(Chart.Point(hour, goodput.mean, margin: goodput.margin))
                rows.append(
                    [
                        shape.name, "\(nodes)", FigureTable.number(hour), result.policy.rawValue,
                        FigureTable.number(goodput.mean), FigureTable.number(goodput.margin),
                        "\(goodput.trials)",
                    ] + Self.nodeHours(result)
                )
            }
        }
        let series = SimulatedPolicy.allCases.indices.map {
            Chart.Series(SimulatedPolicy.allCases[$0].rawValue, .line, style: $0, points[$0])
        }
        let groups = [
            ("restart or copy", Set(["checkpoint", "checkpoint-async", "varuna", "oobleck"])),
            ("live copies", Set(["recycle", "replica-drop", "hot-spares", "bamboo", "oobleck"])),
        ]
        let charts = groups.map { title, names in
            Chart(
                title: title,
                horizontal: ChartAxis("mean hours between failures of one node", .logarithmic),
                vertical: ChartAxis("samples/s"),
                series: series.filter {
                    names.contains($0.name) || $0.name == "zero-cost" || $0.name == "clairvoyant"
                        || (title == "restart or copy" && $0.name == "oobleck-sosp23")
                }
            )
        }
        return Figure(
            name: "goodput-by-mean-time",
            title: "Goodput against the failure rate, all policies",
            text: """
                GPT-3 2.7b on 30 nodes for a day; nodes fail by chance and are back after 20 minutes \
                on average, one failure in ten is a silent hang. \(trials) worlds for each point, the \
                same for all policies, with 95 % intervals. zero-cost: every change is free; \
                clairvoyant: besides, no bubbles. replica-drop shrinks the batch.
                """,
            svg: ChartSheet(
                title: "Goodput against the failure rate",
                columns: 2,
                height: 430,
                charts: charts
            ).svg,
            table: FigureTable(
                columns: [
                    "model", "nodes", "mtbf_hours", "policy", "goodput_samples_per_second", "ci95",
                    "trials",
                ] + Self.nodeHourColumns,
                rows: rows
            )
        )
    }
}
