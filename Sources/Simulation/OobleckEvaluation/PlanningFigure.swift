import OobleckCore
import OobleckFigures
import OobleckPlanning

/// Table 3: how long planning one template takes.
struct PlanningFigure {
    /// Seconds since some start; the caller's clock, so that nothing here has one.
    let clock: () -> Double

    /// The published times, each with the median of five of ours, as single ones are too short to tell.
    func measured() throws -> [PublishedPlanningTime] {
        try PublishedTables.planning.map { published in
            let generator = try TemplateGenerator(
                profile: Self.profile(layers: published.layers),
                devicesPerNode: published.devices
            )
            let times = (0..<5).map { _ in
                let start = clock()
                _ = generator.template(nodes: published.nodes)
                return clock() - start
            }
            return PublishedPlanningTime(
                nodes: published.nodes,
                devices: published.devices,
                layers: published.layers,
                published: published.seconds,
                ours: times.sorted()[2]
            )
        }
    }

    static func figure(_ times: [PublishedPlanningTime]) -> Figure {
        let charts = [24, 32, 64, 96].map { layers in
            let chosen = times.filter { $0.layers == layers }
            let names = chosen.map { "\($0.nodes)x\($0.devices)" }
            func points(_ value: (PublishedPlanningTime) -> Double) -> [Chart.Point] {
                chosen.enumerated().map { Chart.Point(Double($0.offset), value($0.element)) }
            }
            return Chart(
                title: "\(layers) layers",
                horizontal: ChartAxis("nodes x devices of each", .categories(names)),
                vertical: ChartAxis("time to plan (s)", .logarithmic),
                series: [
                    Chart.Series(
                        "published planner",
                        .points,
                        style: 1,
                        points(\.published)
                    ),
                    Chart.Series("ours, on this machine", .points, style: 0, points(\.ours)),
                ]
            )
        }
        return Figure(
            name: "planning-latency",
            title: "Planning one template (paper, table 3)",
            text: """
                The published planner keeps one best result for each part of the model, which is not \
                exact. Ours is exact over all divisions, and was timed when this page was made; the \
                published times were measured on other machines.
                """,
            sheet: ChartSheet(title: "Planning one template", columns: 2, charts: charts),
            table: FigureTable(
                columns: ["nodes", "devices", "layers", "published_seconds", "ours_seconds"],
                rows: times.map { time in
                    [
                        "\(time.nodes)", "\(time.devices)", "\(time.layers)",
                        FigureTable.number(time.published), FigureTable.number(time.ours),
                    ]
                }
            )
        )
    }

    /// Equal layers with a light first and a heavier last one.
    private static func profile(layers: Int) -> ModelProfile {
        ModelProfile(
            model: "equal layers",
            microbatchSize: 1,
            layers: (0..<layers).map { index in
                let share = index == 0 ? 0.3 : index == layers - 1 ? 1.7 : 1
                return LayerProfile(
                    name: "layer.\(index)",
                    forward: Seconds(0.01 * share),
                    backward: Seconds(0.02 * share),
                    allReduceInNode: [2: 0.001, 4: 0.0015, 8: 0.002]
                )
            }
        )
    }
}
