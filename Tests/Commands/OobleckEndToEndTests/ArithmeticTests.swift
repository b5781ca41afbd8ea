import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// Processes that compute for a lower level of the processor stand for other machines.
@Suite("Machines that compute other bits", .serialized, .timeLimit(.minutes(10)))
struct ArithmeticTests {
    private static let otherMachine = ["ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"]

    @Test(
        "one that joins is refused by name, and the run's state stays what it was",
        arguments: otherMachine.keys.sorted()
    )
    func refused(setting: String) throws {
        let laboratory = try Laboratory()
        let training = try laboratory.start(
            laboratory.trainArguments("run", UndisturbedLong.arguments)
        )
        try #require(waitUntil(60) { (laboratory.status("run")?.step ?? 0) >= 2 })
        let value = try #require(Self.otherMachine[setting])
        let agent = try laboratory.startAgent(environment: [setting: value])
        let outcome = try agent.wait(deadline: 30)
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("computes other bits than the run"), "\(outcome.errors)")
        #expect(outcome.errors.contains("\(setting)=\(value)"), "\(outcome.errors)")
        #expect(outcome.errors.contains("cluster.cpu_level"), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
        let trained = try training.wait(deadline: 90)
        #expect(trained.status == 0, "\(trained.errors)")
        let expected = try UndisturbedLong.result.get()
        #expect(try laboratory.result("run").stateSHA256 == expected.stateSHA256)
    }

    @Test("at a level that both have, they train one state, whatever each was told by its owner")
    func level() throws {
        let laboratory = try Laboratory()
        try laboratory.edit {
            $0.replacingOccurrences(
                of: "detection_budget: 2",
                with: "detection_budget: 2, cpu_level: compatible"
            )
        }
        let arguments = ["--reference"] + UndisturbedLong.arguments
        let reference = try laboratory.train("reference", arguments)
        try #require(reference.status == 0, "\(reference.errors)")
        let training = try laboratory.start(
            laboratory.trainArguments("run", UndisturbedLong.arguments)
        )
        try #require(waitUntil(60) { (laboratory.status("run")?.step ?? 0) >= 2 })
        let agent = try laboratory.startAgent(environment: ["ATEN_CPU_CAPABILITY": "avx2"])
        #expect(waitUntil(30) { laboratory.status("run")?.nodes.last?.pipeline != nil })
        let trained = try training.wait(deadline: 90)
        #expect(trained.status == 0, "\(trained.errors)")
        _ = try agent.wait(deadline: 20)
        #expect(
            try laboratory.result("run").stateSHA256 == laboratory.result("reference").stateSHA256
        )
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact && report.arithmetic.count == 1)
        #expect(report.arithmetic.first?.settings.contains("MKL_CBWR=COMPATIBLE") == true)
    }

    @Test("a run goes on there only when that is asked for, and then its ledger says so")
    func resumed() throws {
        let laboratory = try Laboratory()
        let stopped = try laboratory.train("run", ["--steps", "4"])
        try #require(stopped.status == 0, "\(stopped.errors)")
        let arguments = ["train", "--resume", laboratory.path("run"), "--steps", "6"]
        let refused = try laboratory.start(arguments, environment: Self.otherMachine)
            .wait(deadline: 60)
        #expect(refused.status != 0)
        #expect(refused.errors.contains("computes other bits than the run"), "\(refused.errors)")
        let accepted = try laboratory.start(
            arguments + ["--accept-other-arithmetic"],
            environment: Self.otherMachine
        ).wait(deadline: 60)
        #expect(accepted.status == 0, "\(accepted.errors)")
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        #expect(report.arithmetic.count == 2)
    }
}
