import OobleckCore
import OobleckFigures
import OobleckSimulator

extension OurFigures {
    /// Failures in 1,000 node-days (Kokolis et al., 2024, RSC-1).
    static let failuresPer1000Days = 6.5

    /// Sequences of 2,048 tokens that a step has for each node of eight GPUs: as many tokens a GPU as
    /// Llama 3 405B was trained with, 16 million on 16,384 of them (Llama team, 2024, table 4).
    static let sequencesPerNode = 4

    /// Goodput of one node against the size of the cluster.
    func scale() throws -> Figure {
        let policies: [SimulatedPolicy] = [
            .oobleck, .checkpoint, .asynchronousCheckpoint, .recycle, .hotSpares, .replicaDrop,
            .zeroCost,
        ]
        var points = policies.map { _ in [Chart.Point]() }
        var rows: [[String]] = []
        for nodes in extent.sizes {
            let (model, shape) = try Self.model(
                "GPT-3-175b",
                microbatches: Self.sequencesPerNode * nodes
            )
            let law = FailureModel(
                meanTimeBetweenFailures: Seconds(86_400 * 1000 / Self.failuresPer1000Days),
                repairTime: 4 * 3600
            )
            let results = try SimulationExperiment(
                model: model,
                source: .chance(law, nodes: nodes, duration: Seconds(86_400 * extent.days)),
                policies: policies,
                trials: nodes > 10_000 ? 1 : 4,
                seed: seed
            )
            .run()
            for (index, result) in results.enumerated() {
                let each = result.estimate { $0.tokenGoodput / Double(nodes) }
                let all = result.estimate(\.tokenGoodput)
                points[index].append(
                    Chart.Point(
                        Double(nodes),
                        each.mean,
                        margin: each.margin ?? 0,
                        terms: "\(Int(all.mean.rounded())) of \(nodes) nodes"
                    )
                )
                rows.append(
                    [
                        shape.name, "\(nodes)", result.policy.rawValue,
                        FigureTable.number(all.mean),
                        FigureTable.number(each.mean),
                        FigureTable.number(each.margin),
                        FigureTable.number(result.estimate { Double($0.losses) }.mean),
                        "\(each.trials)",
                    ] + Self.nodeHours(result)
                )
            }
        }
        return Figure(
            name: "goodput-by-scale",
            title: "Goodput against scale, to 100,000 nodes",
            text: """
                GPT-3 175B, eight A100 a node, 30 days at 6.50 failures in 1,000 node-days, repaired \
                after four hours; four sequences of 2,048 tokens a node, so that the batch grows with the \
                cluster (Llama 3 405B had as many tokens a GPU). Tokens per second of one node: flat would \
                be ideal. A store of 20 GB/s writes and reads all checkpoints. From 512 nodes on Oobleck is \
                below recycle, by 1 % there and by 6 % at 16,384 nodes: all wait while it copies layers \
                after a loss, recycle sends the lost node's microbatches to other pipelines. replica-drop trains smaller batches after a loss, \
                so that its tokens are not comparable. Above 256 nodes the reconfiguration of Oobleck is \
                estimated, not planned node by node.
                """,
            sheet: ChartSheet(
                title: "Goodput of one node against the size of the cluster",
                columns: 1,
                height: 430,
                charts: [
                    Chart(
                        title: "GPT-3 175B",
                        horizontal: ChartAxis("nodes", .logarithmic),
                        vertical: ChartAxis("goodput of one node (tokens/s)"),
                        namesLines: true,
                        series: policies.indices.map {
                            Chart.Series(
                                policies[$0].label,
                                .line,
                                style: PolicyStyle.of(policies[$0]),
                                points[$0]
                            )
                        }
                    )
                ]
            ),
            table: FigureTable(
                columns: [
                    "model", "nodes", "policy", "tokens_per_second", "tokens_per_second_per_node",
                    "ci95",
                    "losses", "trials",
                ] + Self.nodeHourColumns,
                rows: rows
            )
        )
    }
}
