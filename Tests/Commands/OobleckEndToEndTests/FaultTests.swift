import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import Testing

@Suite("Faults other than sudden death", .serialized, .timeLimit(.minutes(10)))
struct FaultTests {
    private func events(
        _ laboratory: Laboratory,
        _ name: String,
        _ kind: RunEvent.Kind
    ) throws -> [TimedEvent] {
        let path = try RunDirectory.open(path: laboratory.path(name)).eventsPath
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .map { try TimedEvent.parsing(String($0)) }.filter { $0.event.kind == kind }
    }

    private func finish(_ laboratory: Laboratory, _ arguments: [String]) throws -> RunResult {
        let outcome = try laboratory.train("run", arguments)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        return try laboratory.result("run")
    }

    @Test("a step whose numbers are not finite is skipped by all, the same under every plan")
    func notFinite() throws {
        let fault = ["--fault", "kind=nan,step=3,microbatch=5,layer=4"]
        let kill = ["--fault", "node=2,point=mid-forward,step=5,target=worker"]
        let laboratory = try Laboratory()
        let result = try finish(laboratory, fault + kill)
        let reference = try laboratory.train("reference", ["--reference"] + fault)
        try #require(reference.status == 0, "\(reference.errors)")
        #expect(result.stateSHA256 == (try laboratory.result("reference").stateSHA256))
        #expect(result.stateSHA256 != (try Undisturbed.result.get().stateSHA256))
        for name in ["run", "reference"] {
            let skipped = try events(laboratory, name, .skipped)
            #expect(skipped.map(\.event.step) == [3])
            guard case .skipped(let step) = skipped.first?.event.content else {
                Issue.record("\(skipped)")
                continue
            }
            #expect(step.layer?.index == 4 && step.inARow == 1, "\(step)")
            #expect(try RunVerifier.verify(laboratory.path(name)).skippedSteps == 1)
        }
    }

    @Test("too many such steps in a row end the run with 65, step and layer")
    func diverged() throws {
        let laboratory = try Laboratory()
        try laboratory.edit { $0.replacing("seed: 5", with: "seed: 5, skip_limit: 2") }
        let fault = { (step: Int) in "kind=nan,step=\(step),microbatch=1,layer=6,pass=backward" }
        let outcome = try laboratory.train("run", ["--fault", fault(2), "--fault", fault(3)])
        #expect(outcome.status == 65, "\(outcome.errors)")
        #expect(outcome.errors.contains("2 steps in a row, up to step 3"), "\(outcome.errors)")
        #expect(outcome.errors.contains("gradient of layer 6 (layer6)"), "\(outcome.errors)")
    }

    @Test("a bit that flips in one copy of a layer is found in that step and changes nothing")
    func bitFlip() throws {
        let laboratory = try Laboratory()
        let result = try finish(laboratory, ["--fault", "kind=flip,node=3,layer=3,step=4"])
        #expect(result.stateSHA256 == (try Undisturbed.result.get().stateSHA256))
        #expect(result.failures == 0 && result.samplesRepeated == 0)
        let damaged = try events(laboratory, "run", .damaged)
        #expect(damaged.map(\.event.node) == [3], "does node 3 still hold layer 3?")
        let layer = NamedLayer(index: 3, name: "layer3")
        #expect(damaged.first?.event.content == .damaged(.copies(3, [layer])))
        #expect(damaged.first?.event.step == 4)
    }

    @Test("a bit that flips between vote and update is known to its holder, and changes nothing")
    func bitFlipAfterVote() throws {
        // Both copies differ one step later, and neither vote alone would say which is right.
        let laboratory = try Laboratory()
        let fault = ["--fault", "kind=flip,node=3,layer=3,step=4,point=after-vote"]
        let result = try finish(laboratory, fault)
        #expect(result.stateSHA256 == (try Undisturbed.result.get().stateSHA256))
        #expect(result.failures == 0 && result.samplesRepeated == 0)
        let damaged = try events(laboratory, "run", .damaged)
        #expect(damaged.map(\.event.node) == [3], "does node 3 still hold layer 3?")
        #expect(damaged.first?.event.step == 5)
    }

    @Test("one that nobody can know of takes the run back to a checkpoint, and changes nothing")
    func bitFlipInUpdate() throws {
        let laboratory = try Laboratory()
        let fault = ["--fault", "kind=flip,node=3,layer=3,step=4,point=in-update"]
        let result = try finish(laboratory, fault + ["--checkpoint-every", "2"])
        #expect(result.stateSHA256 == (try Undisturbed.result.get().stateSHA256))
        #expect(result.failures == 0 && result.samplesRepeated == 0)
        #expect(result.restores?.map(\.fromStep) == [5])
        #expect(result.restores?.first?.reason.contains("layer 3 (layer3)") == true)
    }

    @Test("without a checkpoint it ends the run with 70, the layer and a cure")
    func bitFlipWithoutCheckpoint() throws {
        let laboratory = try Laboratory()
        let fault = ["--fault", "kind=flip,node=3,layer=3,step=4,point=in-update"]
        let outcome = try laboratory.train("run", fault + ["--no-checkpoints"])
        #expect(outcome.status == 70)
        #expect(outcome.errors.contains("copies of layer 3 (layer3)"), "\(outcome.errors)")
        #expect(outcome.errors.contains("--checkpoint-every"), "\(outcome.errors)")
    }

    @Test("a node five times slower is found within 5 steps, gets less to do, and changes nothing")
    func slow() throws {
        let laboratory = try Laboratory()
        let steps = ["--steps", "20"]
        let fault = ["--fault", "kind=slow,node=1,factor=5,step=6"]
        let result = try finish(laboratory, steps + fault)
        let slow = try events(laboratory, "run", .slow)
        #expect(slow.first?.event.node == 1)
        #expect((slow.first?.event.step ?? 99) <= 6 + 5)
        let changes =
            try events(laboratory, "run", .rebalanced) + events(laboratory, "run", .setAside)
        #expect(!changes.isEmpty)
        let reference = try laboratory.train("reference", ["--reference"] + steps)
        try #require(reference.status == 0, "\(reference.errors)")
        #expect(result.stateSHA256 == (try laboratory.result("reference").stateSHA256))
        #expect(result.failures == 0)
    }

    @Test("a node that computes without an end is put out after one wait, and changes nothing")
    func endless() throws {
        let laboratory = try Laboratory()
        let fault = ["--fault", "kind=slow,node=1,factor=1e9,step=4"]
        let result = try finish(laboratory, fault)
        #expect(result.stateSHA256 == (try Undisturbed.result.get().stateSHA256))
        #expect(result.failures == 1 && result.samplesRepeated == 0)
        let lost = try events(laboratory, "run", .nodeLost)
        #expect(lost.map(\.event.node) == [1])
        guard case .nodeLost(1, .stuck(step: 4, let time)) = lost.first?.event.content else {
            Issue.record("\(lost)")
            return
        }
        #expect(time > 0)
    }

    @Test("a node that computes wrong is found by the check of its layer, and changes nothing")
    func miscomputation() throws {
        let scout = try Laboratory()
        _ = try finish(scout, ["--steps", "2"])
        let plan = try RunDirectory.open(path: scout.path("run")).plan().plan
        // The first stage holds the layer that is checked in the first step.
        let node = plan.pipelines[0].nodes[0]
        let laboratory = try Laboratory()
        let fault = ["--fault", "kind=miscompute,node=\(node),step=0"]
        let result = try finish(laboratory, fault)
        #expect(result.stateSHA256 == (try Undisturbed.result.get().stateSHA256))
        let lost = try events(laboratory, "run", .nodeLost)
        #expect(lost.map(\.event.node) == [node] && result.failures == 1)
    }

    @Test("all nodes of one pipeline killed at once change nothing")
    func wholePipeline() throws {
        let scout = try Laboratory()
        _ = try finish(scout, [])
        let plan = try RunDirectory.open(path: scout.path("run")).plan().plan
        try #require(plan.pipelines.count > 1)
        let victims = plan.pipelines[0].nodes
        let laboratory = try Laboratory()
        let faults = victims.flatMap {
            ["--fault", "node=\($0),point=mid-backward,step=3,target=node"]
        }
        let result = try finish(laboratory, faults)
        #expect(result.stateSHA256 == (try Undisturbed.result.get().stateSHA256))
        #expect(result.failures == victims.count)
    }

    @Test("a name that has no address and too few file descriptors are refused in one line")
    func environment() throws {
        let laboratory = try Laboratory()
        let agent = try laboratory.run([
            "agent", "--coordinator", "no-such-host.invalid:4711", "--token-file", "token",
        ])
        #expect(agent.status == 64, "\(agent.errors)")
        #expect(agent.errors.split(separator: "\n").count == 1)
        #expect(agent.errors.contains("no address for \"no-such-host.invalid\""), "\(agent.errors)")
        let words = laboratory.trainArguments("run").map { "'\($0)'" }.joined(separator: " ")
        let command = "ulimit -n 100; exec '\(Laboratory.programs)/oobleck' \(words)"
        let train = try Running("/bin/sh", ["-c", command], folder: laboratory.folder)
            .wait(deadline: 30)
        #expect(train.status == 64, "\(train.errors)")
        #expect(train.errors.contains("ulimit -n 112"), "\(train.errors)")
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("run")))
    }
}
