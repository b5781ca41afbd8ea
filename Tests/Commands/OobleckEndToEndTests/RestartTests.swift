import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import Testing

@Suite("The coordinator is killed and restarted", .serialized, .timeLimit(.minutes(10)))
struct RestartTests {
    /// Points that are passed when nobody else fails, and the step in which to die there.
    static let undisturbed: [CoordinatorFault] = [
        CoordinatorFault(point: .beforeRecord, step: 3),
        CoordinatorFault(point: .afterRecord, step: 3),
        CoordinatorFault(point: .midCommit, step: 3),
        CoordinatorFault(point: .afterRecord, step: Laboratory.steps - 1),
        CoordinatorFault(point: .beforePlan, step: 0),
        CoordinatorFault(point: .afterPlan, step: 0),
        CoordinatorFault(point: .midPlan, step: 0),
        CoordinatorFault(point: .afterResume, step: 0),
        CoordinatorFault(point: .midCollection, step: 0),
        CoordinatorFault(point: .beforeResult, step: 0),
    ]

    /// Points of the recovery from the loss of a node.
    static let recovering: [CoordinatorFault] = [
        .afterFence, .beforePlan, .afterPlan, .midPlan, .beforeResume, .afterResume, .midResume,
    ].map { CoordinatorFault(point: $0, step: 2) }

    @Test("a death at any point loses nothing, and no process", arguments: undisturbed)
    func dies(fault: CoordinatorFault) throws {
        try survive([fault], nodeFaults: [], losses: 0)
    }

    @Test("a death while a lost node is recovered from loses nothing", arguments: recovering)
    func diesInRecovery(fault: CoordinatorFault) throws {
        let node = "node=5,point=mid-forward,step=2,target=node"
        try survive([fault], nodeFaults: [node], losses: 1)
    }

    @Test("a death between the result and the farewells leaves a finished run, and no process")
    func diesFinished() throws {
        let laboratory = try Laboratory()
        let fault = CoordinatorFault(point: .afterResult, step: 0)
        let first = try laboratory.train("run", ["--fault", fault.description])
        #expect(first.status == -SIGKILL, "\(first.errors)")
        let outcome = try laboratory.run(["train", "--resume", laboratory.path("run")])
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSame(laboratory, losses: 0)
        let again = try laboratory.run(["train", "--resume", laboratory.path("run")])
        #expect(again.status == 0 && again.output.contains("finished"), "\(again.errors)")
    }

    @Test("several deaths in one run lose nothing")
    func diesAgain() throws {
        let faults = [
            CoordinatorFault(point: .afterRecord, step: 1),
            CoordinatorFault(point: .beforeRecord, step: 3),
            CoordinatorFault(point: .midCommit, step: 5),
        ]
        try survive(faults, nodeFaults: [], losses: 0)
    }

    @Test("a supervised run goes on by itself, within two seconds of each restart")
    func supervised() throws {
        let laboratory = try Laboratory()
        let faults = [
            CoordinatorFault(point: .midCommit, step: 2),
            CoordinatorFault(point: .afterRecord, step: 4),
        ]
        let arguments = faults.flatMap { ["--fault", $0.description] }
        let outcome = try laboratory.train("run", ["--supervise"] + arguments)
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSame(laboratory, losses: 0)
        let times = try restartTimes(laboratory)
        #expect(times.count == 2)
        #expect(times.allSatisfy { $0 < 2 }, "\(times)")
    }

    @Test("an interrupted supervised run ends, and is not restarted")
    func supervisedInterrupt() throws {
        let laboratory = try Laboratory()
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--steps", "100000", "--supervise"])
        )
        let directory = laboratory.path("run")
        #expect(waitUntil(60) { (try? RunDirectory.open(path: directory).status().step) ?? 0 > 0 })
        running.signal(SIGTERM)
        let outcome = try running.wait(deadline: 20)
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }

    /// Seconds from the start of each later coordinator to the first step of all its workers.
    private func restartTimes(_ laboratory: Laboratory) throws -> [Double] {
        let path = try RunDirectory.open(path: laboratory.path("run")).eventsPath
        let events = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try TimedEvent.parsing(String($0))
        }
        var times: [Double] = []
        for (index, event) in events.enumerated() where event.event.kind == .restarted {
            let resumed = events[index...].first { $0.event.kind == .resumed }
            times.append(resumed.map { $0.monotonic.value - event.monotonic.value } ?? .infinity)
        }
        return times
    }

    @Test("a node that dies while there is no coordinator is found lost, and nothing else is")
    func nodeDiesMeanwhile() throws {
        let laboratory = try Laboratory()
        let fault = CoordinatorFault(point: .afterRecord, step: 3)
        let first = try laboratory.train("run", ["--fault", fault.description])
        #expect(first.status == -SIGKILL, "\(first.errors)")
        let status = try RunDirectory.open(path: laboratory.path("run")).status()
        let agent = try #require(status.nodes.first { $0.id == 4 }?.agentPID)
        #expect(kill(-pid_t(agent), SIGKILL) == 0)
        let outcome = try laboratory.run(["train", "--resume", laboratory.path("run")])
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSame(laboratory, losses: 1)
    }

    @Test("a run whose processes are all gone starts new ones from its newest checkpoint")
    func allGone() throws {
        let laboratory = try Laboratory()
        let fault = CoordinatorFault(point: .afterRecord, step: 5)
        let arguments = ["--checkpoint-every", "2", "--fault", fault.description]
        let first = try laboratory.train("run", arguments)
        #expect(first.status == -SIGKILL, "\(first.errors)")
        let status = try RunDirectory.open(path: laboratory.path("run")).status()
        for agent in status.nodes.compactMap(\.agentPID) { kill(-pid_t(agent), SIGKILL) }
        let outcome = try laboratory.run(["train", "--resume", laboratory.path("run")])
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSame(laboratory, losses: 6)
    }

    @Test("what cannot be resumed is refused in one line")
    func nothingLeft() throws {
        let laboratory = try Laboratory()
        let none = try laboratory.run(["train", "--resume", laboratory.path("none")])
        #expect(none.status == 65, "\(none.errors)")
        let whole = try laboratory.train("run")
        try #require(whole.status == 0, "\(whole.errors)")
        let again = try laboratory.run(["train", "--resume", laboratory.path("run")])
        #expect(again.status == 0 && again.output.contains("finished"), "\(again.errors)")
        let both = try laboratory.train("run", ["--resume", laboratory.path("run")])
        #expect(both.status == 64, "\(both.errors)")
    }

    private func survive(
        _ faults: [CoordinatorFault],
        nodeFaults: [String],
        losses: Int
    ) throws {
        let laboratory = try Laboratory()
        let arguments = faults.flatMap { ["--fault", $0.description] }
        var outcome = try laboratory.train(
            "run",
            arguments + nodeFaults.flatMap { ["--fault", $0] }
        )
        for _ in faults {
            #expect(outcome.status == -SIGKILL, "\(outcome.errors)")
            outcome = try laboratory.run(
                ["train", "--resume", laboratory.path("run")] + arguments
            )
        }
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSame(laboratory, losses: losses)
        let events = try String(
            contentsOfFile: RunDirectory.open(path: laboratory.path("run")).eventsPath,
            encoding: .utf8
        )
        let returns = events.split(separator: "\n").filter { $0.contains("\"reconnected\"") }
        #expect(returns.count == faults.count)
    }

    private func expectSame(_ laboratory: Laboratory, losses: Int) throws {
        let expected = try Undisturbed.result.get()
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.finalLoss == expected.finalLoss)
        #expect(result.failures == losses)
        #expect(result.samplesCommitted == expected.samplesCommitted)
        #expect(result.samplesRepeated == 0)
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
        let left = try FileManager.default.contentsOfDirectory(atPath: laboratory.path("run"))
        #expect(!left.contains { $0.hasSuffix("-wal") || $0 == "coordinator.json" }, "\(left)")
    }
}
