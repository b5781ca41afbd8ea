import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

/// An undisturbed run long enough for something to happen to another one on the way.
enum UndisturbedLong {
    static let arguments = ["--steps", "60"]

    static let result: Result<RunResult, any Error> = Result {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("reference", ["--reference"] + arguments)
        guard outcome.status == 0 else {
            throw OobleckError(.internalFault, outcome.errors)
        }
        return try laboratory.result("reference")
    }
}

extension Laboratory {
    /// Kills all workers that hold the first layer at once, and with them its last copy.
    ///
    /// Returns how many there were.
    func killHoldersOfFirstLayer(_ name: String) throws -> Int {
        let holders = try #require(status(name)).nodes.filter { $0.stages.contains(0) }
        for pid in holders.flatMap(\.workerPIDs) { kill(pid_t(pid), SIGKILL) }
        return holders.count
    }
}

@Suite("Checkpoints, and going back to one", .serialized, .timeLimit(.minutes(10)))
struct CheckpointTests {
    private func expectSame(
        _ laboratory: Laboratory,
        restores: Int,
        expected: Result<RunResult, any Error> = Undisturbed.result
    ) throws -> RunResult {
        let expected = try expected.get()
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.finalLoss == expected.finalLoss)
        #expect(result.samplesCommitted == expected.samplesCommitted)
        #expect(result.samplesRepeated == 0)
        #expect(result.restores?.count ?? 0 == restores)
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
        _ = try expectSame(laboratory, restores: 0)
        let saved = try laboratory.events("run", .checkpointSaved)
        #expect(!saved.isEmpty)
        for event in saved {
            guard case .checkpointSaved(let checkpoint) = event.content else {
                Issue.record("\(event)")
                continue
            }
            #expect(checkpoint.layers == 8 && checkpoint.bytes > 0 && checkpoint.written > 0)
            #expect(checkpoint.step == event.step || checkpoint.step < event.step)
        }
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
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                UndisturbedLong.arguments + ["--checkpoint-every", "4"]
            )
        )
        try #require(waitUntil(60) { (laboratory.status("run")?.checkpointStep ?? 0) >= 8 })
        let killed = try laboratory.killHoldersOfFirstLayer("run")
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let expected = UndisturbedLong.result
        let result = try expectSame(laboratory, restores: 1, expected: expected)
        let restore = try #require(result.restores?.first)
        #expect(restore.step >= 8 && restore.step.isMultiple(of: 4))
        #expect(restore.fromStep >= restore.step)
        #expect(restore.loadedBytes > 0)
        #expect(killed > 1 && result.failures == killed)
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
        #expect(waitUntil(60) { laboratory.status("run")?.phase == .waitingForNodes })
        let added = try laboratory.run(["add", laboratory.path("run")])
        #expect(added.status == 0, "\(added.errors)")
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        _ = try expectSame(laboratory, restores: 1)
    }

    @Test("by the rule of Young and Daly the run saves as well, and nothing changes")
    func youngDaly() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("run", ["--checkpoint-every", "young-daly"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        _ = try expectSame(laboratory, restores: 0)
        #expect(try !laboratory.events("run", .checkpointSaved).isEmpty)
    }

    @Test("a writer killed in the middle of a save changes nothing, and a later save succeeds")
    func killedWhileSaving() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train(
            "run",
            [
                "--checkpoint-every", "1",
                "--fault", "node=1,point=mid-checkpoint,step=2,target=node",
            ]
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        let result = try expectSame(laboratory, restores: 0)
        #expect(result.failures == 1)
        #expect(try !laboratory.events("run", .checkpointSaved).isEmpty)
    }

    @Test("a node killed while it loads a checkpoint changes nothing")
    func killedWhileRestoring() throws {
        let laboratory = try Laboratory()
        // Node 1 never holds the first layer: the killing below leaves it for the return.
        let fault = ["--fault", "node=1,point=mid-restore,step=1,target=worker"]
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                UndisturbedLong.arguments + ["--checkpoint-every", "4"] + fault
            )
        )
        try #require(waitUntil(60) { (laboratory.status("run")?.checkpointStep ?? 0) >= 8 })
        let killed = try laboratory.killHoldersOfFirstLayer("run")
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let expected = UndisturbedLong.result
        let result = try expectSame(laboratory, restores: 1, expected: expected)
        #expect(result.failures == killed + 1)
    }

    @Test("when nobody comes back the run ends with 75 and says what there is to go back to")
    func waitEnds() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train(
            "run",
            ["--nodes", "2", "--checkpoint-every", "1", "--checkpoint-wait", "1"]
                + killing([0], step: 6)
        )
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("newest checkpoint is of step"), "\(outcome.errors)")
        let last = try #require(outcome.errors.split(separator: "\n").last)
        #expect(last.contains("within 1.0 s"), "\(last)")
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }

    /// The Python that `make test` sets up, if it has what is needed.
    private static let python: String? = {
        let path = Checkout.path + "/.venv/bin/python"
        guard FileManager.default.isExecutableFile(atPath: path) else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-c", "import safetensors, transformers"]
        do { try process.run() } catch { return nil }
        process.waitUntilExit()
        return process.terminationStatus == 0 ? path : nil
    }()

    @Test(
        "saves on the way load with safetensors and transformers, tensor by tensor",
        .enabled(if: python != nil, "no Python with transformers here")
    )
    func loadsElsewhere() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("run", ["--checkpoint-every", "2"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let saves = laboratory.path("run/checkpoints")
        let names = try FileManager.default.contentsOfDirectory(atPath: saves)
        #expect(names.count >= 2)
        let loader = try Running(
            try #require(Self.python),
            [Checkout.path + "/Tests/Python/load_checkpoint.py"]
                + names.map { saves + "/" + $0 },
            folder: laboratory.folder
        )
        let loaded = try loader.wait(deadline: 100)
        #expect(loaded.status == 0, "\(loaded.output)\(loaded.errors)")
        // Twelve parameters of six blocks, two of the embedding, three of the head; each with its
        // two moments.
        let lines = loaded.output.split(separator: "\n")
        #expect(lines.count == names.count)
        #expect(lines.allSatisfy { $0.contains("231 tensors of 8 layers") }, "\(lines)")
    }
}
