import Dispatch
import Foundation
import OobleckSimulator
import OobleckValues
import Synchronization
import Testing

@testable import OobleckPaperSimulator

/// Against 200 runs of Bamboo's own simulator for each probability, whose means and 95 % intervals
/// these are.
@Suite(.timeLimit(.minutes(10))) struct BambooMonteCarloTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let removal: Double
        /// Mean and half of the interval, in the order of the result's properties.
        let published: [(mean: Double, margin: Double)]

        var testDescription: String { "\(removal)" }
    }

    /// Preemptions, hours between them, lifetime, fatal failures, nodes, samples/s, $/h, value.
    private static let rows = [
        Row(
            removal: 0.01,
            published: [
                (4.55, 0.3037), (1.83141, 0.1542), (9.42057, 0.06425), (0.015, 0.01689),
                (43.7288, 0.4193), (149.009, 1.428), (39.7932, 0.3816), (3.68724, 0.02654),
            ]
        ),
        Row(
            removal: 0.05,
            published: [
                (26.35, 0.7367), (0.445433, 0.01268), (7.20267, 0.06944), (0.13, 0.04875),
                (42.3373, 0.4096), (136.701, 0.9398), (38.5269, 0.3727), (3.5086, 0.0173),
            ]
        ),
        Row(
            removal: 0.1,
            published: [
                (54.1, 0.9723), (0.227141, 0.004226), (5.27559, 0.05723), (0.125, 0.04998),
                (40.619, 0.4151), (132.261, 0.8321), (36.9633, 0.3777), (3.54242, 0.01724),
            ]
        ),
        Row(
            removal: 0.25,
            published: [
                (143.855, 1.977), (0.0998381, 0.001619), (2.81593, 0.02856), (0.57, 0.1191),
                (35.2634, 0.4392), (115.402, 1.197), (32.0897, 0.3997), (3.5496, 0.01395),
            ]
        ),
        Row(
            removal: 0.5,
            published: [
                (345.7, 3.152), (0.0578019, 0.0008494), (1.43349, 0.00995), (2.545, 0.2316),
                (26.9208, 0.3956), (83.2641, 1.229), (24.4979, 0.36), (3.31978, 0.01853),
            ]
        ),
    ]

    /// Runs of each row; `OOBLECK_MONTE_CARLO_TRIALS=1000 swift test -c release` is sharper than theirs.
    private static let trials: Int = {
        let wanted = ProcessInfo.processInfo.environment["OOBLECK_MONTE_CARLO_TRIALS"]
        return wanted.flatMap { Int($0) } ?? 16
    }()

    @Test("Bamboo's own table is met within its intervals", arguments: rows)
    func table(row: Row) throws {
        let trials = Self.trials
        let found = Mutex<[Int: BambooMonteCarlo.Result]>([:])
        DispatchQueue.concurrentPerform(iterations: trials) { trial in
            do {
                let result = try BambooMonteCarlo.run(
                    removal: row.removal,
                    seed: UInt64(1000 + trial)
                )
                found.withLock { $0[trial] = result }
            } catch {
                Issue.record("\(error)")
            }
        }
        let results = found.withLock { found in (0..<trials).compactMap { found[$0] } }
        let properties: [(String, (BambooMonteCarlo.Result) -> Double)] = [
            ("preemptions", \.preemptions), ("interval", \.preemptionInterval),
            ("lifetime", \.lifetime), ("fatal failures", \.fatalFailures), ("nodes", \.nodes),
            ("samples/s", \.throughput), ("$/h", \.cost), ("value", \.value),
        ]
        for (property, published) in zip(properties, row.published) {
            let ours = SimulationEstimate(results.map(property.1))
            // Few runs may show none of what is rare: theirs is the least that ours can spread.
            let least = published.margin * (200 / Double(trials)).squareRoot()
            let margin = try #require(ours.margin)
            let own = max(margin, least)
            // The interval of a difference of two means, at 99.9 %, as there are forty of them.
            let spread = (own * own + published.margin * published.margin).squareRoot()
            #expect(
                abs(ours.mean - published.mean) <= 3.29 / 1.96 * spread,
                "\(property.0): \(ours.mean) +- \(margin), published \(published)"
            )
        }
    }
}
