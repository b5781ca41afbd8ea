import OobleckCore
import OobleckSimulator
import OobleckText
import Testing

@testable import OobleckReports

@Suite("The report of a simulation for people", .timeLimit(.minutes(5)))
struct SimulationTextTests {
    private static let policies: [SimulatedPolicy] = [.oobleck, .bamboo, .checkpoint]

    private func report(
        trials: Int = 3,
        nodes: Int = 12,
        note: String? = nil
    ) throws -> SimulationReport {
        let each: ByteCount = 1_000_000_000
        let layers = (0..<12).map { index in
            LayerProfile(
                name: "layer.\(index)",
                forward: 0.01,
                backward: 0.02,
                parameterBytes: each,
                optimizerBytes: 2 * each
            )
        }
        let experiment = SimulationExperiment(
            model: ClusterModel(
                profile: ModelProfile(
                    model: "twelve",
                    microbatchSize: 2,
                    deviceMemory: ByteCount(24 * each.value),
                    layers: layers
                ),
                microbatches: 48,
                faultTolerance: 1
            ),
            source: .chance(
                FailureModel(meanTimeBetweenFailures: 3600, repairTime: 1800),
                nodes: nodes,
                duration: 86_400
            ),
            policies: Self.policies,
            trials: trials,
            seed: 7
        )
        return SimulationReport(experiment, try experiment.run(), note: note)
    }

    @Test("fits the width, and has a row for each policy that can run", arguments: [72, 80, 120])
    func text(width: Int) throws {
        let report = try report(note: "devices reach 1 TFLOP/s: a long note " + "of words ")
        let text = report.text(width: width)
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { String($0).columns <= width }, "\(text)")
        #expect(lines[0].hasPrefix("twelve, up to 12 nodes, 1.0 days, 3 worlds, "))
        for row in report.policies {
            let shown = lines.filter { $0.hasPrefix("\(row.policy) ") }
            #expect(!shown.isEmpty, "\(row.policy)")
        }
        #expect(text.contains("in the same worlds:"))
    }

    @Test("of one world has no margins and compares nothing by chance")
    func single() throws {
        let text = try report(trials: 1).text(width: 80)
        #expect(!text.contains("in the same worlds:"))
        #expect(text.contains("1 world, "))
    }
}
