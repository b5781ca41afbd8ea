import Foundation
import OobleckCore
import OobleckRun
import Testing

@Suite("Checkpoints, and going back to one", .serialized)
struct CheckpointTests {
    private func expectSame(
        _ laboratory: Laboratory,
        restores: ClosedRange<Int>
    ) throws -> RunResult {
        let expected = try Undisturbed.result.get()
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.finalLoss == expected.finalLoss)
        #expect(result.samplesCommitted == expected.samplesCommitted)
        #expect(result.samplesRepeated == 0)
        #expect(restores ~= result.restores?.count ?? 0)
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        #expect(report.restores == result.restores?.count ?? 0)
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
        return result
    }

    private func killing(_ nodes: [Int], step: Int) -> [String] {
        nodes.flatMap { ["--fault", "node=\($0),point=mid-forward,step=\(step),target=node"] }
    }

    @Test("saves beside training change nothing, the newest stay, and all of them are whole")
    func saves() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train(
            "run",
            ["--checkpoint-every", "2", "--checkpoint-keep", "2"]
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        _ = try expectSame(laboratory, restores: 0...0)
        let saved = try laboratory.events("run", .checkpointSaved)
        #expect(!saved.isEmpty)
        #expect(saved.allSatisfy { $0.message.contains("in 8 layers") }, "\(saved)")
        let names = try FileManager.default.contentsOfDirectory(
            atPath: laboratory.path("run/checkpoints")
        )
        #expect(names.contains("step-000008"))
        #expect(names.count <= 3)
        #expect(names.allSatisfy { !$0.hasSuffix(".partial") }, "\(names)")
    }

    @Test("more than f nodes lost at once: the newest checkpoint is restored, to the same end")
    func beyondFaultTolerance() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train(
            "run",
            ["--checkpoint-every", "1"] + killing([0, 1, 3, 4], step: 6)
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        // Those of the four that die a moment later may do so in the first return.
        let result = try expectSame(laboratory, restores: 1...2)
        let restore = try #require(result.restores?.first)
        #expect(restore.fromStep == 6)
        #expect((1...6).contains(restore.step))
        #expect(restore.loadedBytes > 0)
        #expect(result.failures == 4)
    }

    @Test(
        "with too few nodes left, the run waits, and goes on from the checkpoint when one is added"
    )
    func waitsForNodes() throws {
        let laboratory = try Laboratory()
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                ["--nodes", "2", "--checkpoint-every", "1"] + killing([0], step: 6)
            )
        )
        #expect(waitUntil(60) { laboratory.phase("run") == .waitingForNodes })
        let added = try laboratory.run(["add", laboratory.path("run")])
        #expect(added.status == 0, "\(added.errors)")
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        _ = try expectSame(laboratory, restores: 1...1)
    }
}
