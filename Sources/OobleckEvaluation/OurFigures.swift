import OobleckCore
import OobleckFigures
import OobleckSimulator

/// Figures that the paper does not have, with our own model.
struct OurFigures {
    /// Worlds of each point.
    let trials: Int
    let seed: UInt64

    private static func model(
        _ name: String,
        microbatches: Int? = nil
    ) throws -> (model: ClusterModel, shape: TransformerShape) {
        let shape = try TransformerShape.named(name)
        let model = ClusterModel(
            profile: shape.profile(shape.device),
            devicesPerNode: shape.devicesPerNode,
            microbatches: microbatches ?? shape.microbatches,
            tokensPerSample: shape.sequence
        )
        return (model, shape)
    }

    /// Goodput against the mean time between failures, all policies.
    func meanTime() throws -> Figure {
        let hours = [3.0, 10, 30, 100, 1000]
        let nodes = 30
        let (model, shape) = try Self.model("GPT-3-2.7b")
        var points = SimulatedPolicy.allCases.map { _ in [Chart.Point]() }
        var rows: [[String]] = []
        for hour in hours {
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
                let useful = result.estimate(\.effectiveTimeRatio)
                points[index].append(Chart.Point(hour, goodput.mean, margin: goodput.margin))
                rows.append(
                    [
                        shape.name, "\(nodes)", FigureTable.number(hour), result.policy.rawValue,
                        FigureTable.number(goodput.mean), FigureTable.number(goodput.margin),
                        FigureTable.number(useful.mean), "\(goodput.trials)",
                    ]
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
                    "effective_time_ratio", "trials",
                ],
                rows: rows
            )
        )
    }

    /// Goodput of one node against the size of the cluster.
    func scale() throws -> Figure {
        let sizes = [128, 512, 2048, 8192, 32_768, 100_000]
        let policies: [SimulatedPolicy] = [
            .oobleck, .checkpoint, .asynchronousCheckpoint, .recycle, .hotSpares, .replicaDrop,
            .zeroCost,
        ]
        var points = policies.map { _ in [Chart.Point]() }
        var rows: [[String]] = []
        for nodes in sizes {
            // 16 microbatches for each pipeline of the smallest size, whatever the scale.
            let (model, shape) = try Self.model("GPT-3-175b", microbatches: nodes / 48 * 16)
            let law = FailureModel(
                // 6.50 failures in 1,000 node-days (Kokolis et al., 2024, RSC-1).
                meanTimeBetweenFailures: Seconds(86_400 * 1000 / 6.5),
                repairTime: 4 * 3600
            )
            let results = try Experiment(
                model: model,
                source: .chance(law, nodes: nodes, duration: 30 * 86_400),
                policies: policies,
                trials: nodes > 10_000 ? 1 : 4,
                seed: seed
            )
            .run()
            for (index, result) in results.enumerated() {
                let each = result.estimate { $0.tokenGoodput / Double(nodes) }
                points[index].append(Chart.Point(Double(nodes), each.mean, margin: each.margin))
                rows.append(
                    [
                        shape.name, "\(nodes)", result.policy.rawValue,
                        FigureTable.number(each.mean),
                        FigureTable.number(each.margin),
                        FigureTable.number(result.estimate { Double($0.losses) }.mean),
                        FigureTable.number(result.estimate(\.effectiveTimeRatio).mean),
                        "\(each.trials)",
                    ]
                )
            }
        }
        return Figure(
            name: "goodput-by-scale",
            title: "Goodput against scale, to 100,000 nodes",
            text: """
                GPT-3 175B, eight A100 a node, 30 days at 6.50 failures in 1,000 node-days, repaired \
                after four hours; 16 microbatches for each pipeline of 48 nodes, so that the batch \
                grows with the cluster. Tokens per second of one node: flat would be ideal. A store of \
                20 GB/s writes and reads all checkpoints. Above 256 nodes the reconfiguration of \
                Oobleck is estimated, not planned node by node.
                """,
            svg: ChartSheet(
                title: "Goodput of one node against the size of the cluster",
                columns: 1,
                height: 430,
                charts: [
                    Chart(
                        title: "GPT-3 175B",
                        horizontal: ChartAxis("nodes", .logarithmic),
                        vertical: ChartAxis("tokens/s of one node"),
                        series: policies.indices.map {
                            Chart.Series(policies[$0].rawValue, .line, style: $0, points[$0])
                        }
                    )
                ]
            ).svg,
            table: FigureTable(
                columns: [
                    "model", "nodes", "policy", "tokens_per_second_per_node", "ci95",
                    "losses", "effective_time_ratio", "trials",
                ],
                rows: rows
            )
        )
    }

    /// What a million tokens cost, against how fast they are trained.
    func cost() throws -> Figure {
        let sizes = [12, 16, 24, 32, 48]
        let policies: [SimulatedPolicy] = [
            .oobleck, .varuna, .asynchronousCheckpoint, .recycle, .hotSpares, .bamboo, .zeroCost,
        ]
        let (model, shape) = try Self.model("GPT-3-2.7b")
        var points = policies.map { _ in [Chart.Point]() }
        var rows: [[String]] = []
        for nodes in sizes {
            let law = FailureModel(
                meanTimeBetweenFailures: Seconds(6 * 3600),
                repairTime: 1800,
                groupSize: 4,
                groupMeanTimeBetweenFailures: Seconds(48 * 3600)
            )
            let results = try Experiment(
                model: model,
                source: .chance(law, nodes: nodes, duration: 86_400),
                policies: policies,
                trials: trials,
                seed: seed
            )
            .run()
            for (index, result) in results.enumerated() where result.obstacle == nil {
                let goodput = result.estimate { $0.tokenGoodput }
                let price = result.estimate {
                    $0.cost / max(1e-9, $0.tokenGoodput * $0.duration.seconds) * 1e6
                }
                points[index].append(Chart.Point(goodput.mean, price.mean, margin: price.margin))
                rows.append(
                    [
                        shape.name, "\(nodes)", result.policy.rawValue,
                        FigureTable.number(goodput.mean), FigureTable.number(goodput.margin),
                        FigureTable.number(price.mean), FigureTable.number(price.margin),
                        "\(price.trials)",
                    ]
                )
            }
        }
        return Figure(
            name: "cost-by-goodput",
            title: "Cost against goodput",
            text: """
                GPT-3 2.7b on 12, 16, 24, 32 and 48 preemptible nodes (marks from left to right) at 0.91 \
                dollars an hour; each node goes every six hours on average, racks of four every two \
                days, and a node is back after half an hour. Further down and to the right is better.
                """,
            svg: ChartSheet(
                title: "Cost of a million tokens against goodput",
                columns: 1,
                height: 430,
                charts: [
                    Chart(
                        title: "GPT-3 2.7b",
                        horizontal: ChartAxis("tokens/s"),
                        vertical: ChartAxis("dollars for a million tokens"),
                        series: policies.indices.map {
                            Chart.Series(policies[$0].rawValue, .line, style: $0, points[$0])
                        }
                    )
                ]
            ).svg,
            table: FigureTable(
                columns: [
                    "model", "nodes", "policy", "goodput_tokens_per_second", "goodput_ci95",
                    "dollars_per_million_tokens", "dollars_ci95", "trials",
                ],
                rows: rows
            )
        )
    }
}
