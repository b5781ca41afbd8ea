import OobleckCore
import OobleckPaperSimulator
import Testing

@testable import OobleckEvaluation
@testable import OobleckSimulator

/// The figures that the paper does not have, on fewer points, against closed forms and bounds.
@Suite(.timeLimit(.minutes(10))) struct OurFiguresTests {
    private static let figures = OurFigures(
        trials: 3,
        seed: 7,
        extent: OurFigures.Extent(
            meanHours: [10, 1e6],
            sizes: [2048],
            days: 30,
            spotSizes: [16]
        )
    )

    /// The rows of a table by the names of its columns.
    private static func rows(_ table: FigureTable) -> [[String: String]] {
        table.rows.map { Dictionary(uniqueKeysWithValues: zip(table.columns, $0)) }
    }

    private static func number(_ row: [String: String], _ column: String) throws -> Double {
        try #require(row[column].flatMap { Double($0) }, "\(column)")
    }

    /// Points of a policy that say nothing, because it cannot run the model, are none.
    private static let runnable = SimulatedPolicy.allCases.map(\.rawValue)

    @Test("a policy has one colour, dash and mark in all figures, and no two have the same")
    func oneStyle() {
        let styles = SimulatedPolicy.allCases.map(PolicyStyle.of)
        #expect(Set(styles).count == SimulatedPolicy.allCases.count)
        #expect(PolicyStyle.of(PaperPolicy.oobleck) == PolicyStyle.of(SimulatedPolicy.oobleck))
        #expect(PolicyStyle.of(PaperPolicy.varuna) == PolicyStyle.of(SimulatedPolicy.varuna))
        #expect(PolicyStyle.of(PaperPolicy.bamboo) == PolicyStyle.of(SimulatedPolicy.bamboo))
        #expect(Set(PaperPolicy.allCases.map { PolicyStyle.of($0) }).count == 4)
    }

    @Test("goodput against the failure rate: no policy is missing, bounds are kept, terms given")
    func meanTime() throws {
        let figure = try Self.figures.meanTime()
        let rows = Self.rows(figure.table)
        for hours in ["10", "1000000"] {
            let found = rows.filter { $0["mtbf_hours"] == hours }
            #expect(found.compactMap { $0["policy"] } == Self.runnable)
            for policy in SimulatedPolicy.allCases {
                #expect(figure.svg.contains(">\(policy.rawValue)"), "\(policy)")
            }
            var goodput: [String: Double] = [:]
            for row in found {
                goodput[row["policy"] ?? ""] = try Self.number(row, "goodput_samples_per_second")
                let useful = try Self.number(row, "useful_node_hours")
                let all = try Self.number(row, "node_hours")
                #expect(useful > 0 && useful <= all * (1 + 1e-9))
                // Nodes are there for mtbf / (mtbf + repair) of the day.
                let mean = try #require(Double(hours))
                let expected = 30 * 24 * mean / (mean + 1.0 / 3)
                #expect(abs(all / expected - 1) < 0.01, "\(all) \(expected)")
            }
            let free = try #require(goodput["zero-cost"])
            for row in found {
                let less = try Self.number(row, "less_than_zero_cost_samples_per_second")
                let expected = free - (goodput[row["policy"] ?? ""] ?? .nan)
                #expect(abs(less - expected) < 1e-6 * free, "\(row)")
            }
            let clairvoyant = try #require(goodput["clairvoyant"])
            for (policy, value) in goodput {
                #expect(value <= clairvoyant, "\(policy)")
                #expect(value <= free || policy == "clairvoyant", "\(policy)")
            }
        }
        // Without failures: samples of a step over the time of the planner's step.
        let shape = try TransformerShape.named("GPT-3-2.7b")
        let model = ClusterModel(
            profile: shape.profile(shape.device),
            devicesPerNode: shape.devicesPerNode,
            microbatches: shape.microbatches
        )
        let step = try #require(try StepTable(model, nodes: 30).fastestStep(nodes: 30))
        let oobleck = try #require(
            rows.first { $0["policy"] == "oobleck" && $0["mtbf_hours"] == "1000000" }
        )
        let ideal = Double(shape.batch) / step.seconds
        let goodput = try Self.number(oobleck, "goodput_samples_per_second")
        // Whole steps of a day, and an hourly snapshot.
        #expect(goodput <= ideal && goodput > 0.99 * ideal, "\(goodput) \(ideal)")
    }

    @Test("goodput against scale: losses are those of the rate, nobody beats changes for free")
    func scale() throws {
        let figure = try Self.figures.scale()
        let rows = Self.rows(figure.table)
        #expect(rows.count == 7)
        let free = try #require(rows.first { $0["policy"] == "zero-cost" })
        let most = try Self.number(free, "tokens_per_second_per_node")
        for row in rows {
            // Poisson with 6.50 in 1,000 days of nodes that are there; four worlds.
            let mean = 2048.0 * 30 * 6.5 / 1000
            let losses = try Self.number(row, "losses")
            #expect(abs(losses - mean) < 4 * (mean / 4).squareRoot() + 0.01 * mean, "\(losses)")
            let value = try Self.number(row, "tokens_per_second_per_node")
            #expect(value > 0 && value <= most, "\(row)")
            let all = try Self.number(row, "tokens_per_second")
            #expect(abs(all / 2048 / value - 1) < 1e-6, "both terms of the ratio: \(row)")
        }
        // To first order a failure costs checkpoint-restart half an interval and the restart.
        let row = try #require(rows.first { $0["policy"] == "checkpoint" })
        let useful = try Self.number(row, "useful_node_hours") / Self.number(row, "node_hours")
        let shape = try TransformerShape.named("GPT-3-175b")
        let model = ClusterModel(
            profile: shape.profile(shape.device),
            devicesPerNode: shape.devicesPerNode,
            microbatches: 2048 / 48 * 16
        )
        let wait = model.snapshotTime(nodesPerPipeline: 48).seconds + model.storageTime().seconds
        let mean: Double = 86_400 * 1000 / 6.5 / 2048
        let restart = 60 + model.storageTime().seconds
        let expected = 1 - (2 * wait / mean).squareRoot() - restart / mean
        #expect(abs(useful - expected) < 0.1, "\(useful) \(expected)")
    }

    @Test("goodput on a spot trace: both terms of each rate, and no policy beats changes for free")
    func spot() throws {
        let rows =
            (0..<16).map { "0,add,n\($0)" }
            + ["3600000,remove,n3", "3600000,remove,n7", "5400000,add,m1", "5400000,add,m2"]
            + ["7200000,remove,n1", "9000000,add,m3", "14400000,remove,n2"]
        let entry = EvaluationTraces.Entry(
            name: "made.csv",
            title: "made",
            trace: try TraceReader.trace(rows.joined(separator: "\n"), name: "made.csv"),
            digest: ""
        )
        #expect(try Self.figures.spot([]) == nil)
        let figure = try #require(try Self.figures.spot([entry]))
        let found = Self.rows(figure.table)
        #expect(Set(found.compactMap { $0["policy"] }) == Set(Self.runnable))
        let free = try #require(found.first { $0["policy"] == "zero-cost" })
        let most = try Self.number(free, "samples")
        for row in found {
            let samples = try Self.number(row, "samples")
            #expect(try Self.number(row, "wall_clock_seconds") == 14_400)
            let goodput = try Self.number(row, "goodput_samples_per_second")
            #expect(abs(samples / 14_400 - goodput) < 1e-6 * goodput)
            #expect(samples > 0 && (samples <= most || row["policy"] == "clairvoyant"), "\(row)")
            #expect(row["most_nodes"] == "16" && row["least_nodes"] == "14", "\(row)")
            // Four hours of sixteen, less two for half an hour and 45 s, and one for as long.
            let hours = 64 - 3 * 0.5125
            #expect(abs(try Self.number(row, "node_hours") - hours) < 1e-9, "\(row)")
        }
    }

    @Test("cost against goodput: dollars are the price of the nodes, over the tokens")
    func cost() throws {
        let rows = Self.rows(try Self.figures.cost().table)
        #expect(rows.count == 7)
        for row in rows {
            let dollars = try Self.number(row, "dollars")
            let tokens = try Self.number(row, "tokens")
            let price = try Self.number(row, "dollars_per_million_tokens")
            let goodput = try Self.number(row, "goodput_tokens_per_second")
            #expect(abs(tokens / (goodput * 86_400) - 1) < 1e-6)
            // A mean of quotients is near the quotient of the means.
            #expect(abs(price / (dollars / tokens * 1e6) - 1) < 0.02, "\(row)")
            // At most all sixteen nodes all day; of 6.5 h a node is half an hour away, and a rack's
            // failures take some more.
            let most = 16 * 24 * 0.91
            #expect(dollars < most && dollars > 0.85 * most, "\(dollars) \(most)")
        }
    }
}
