import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// Faults in which everybody lives, and somebody seems not to.
@Suite("Everybody lives, and it does not look so", .serialized, .timeLimit(.minutes(10)))
struct CutFaultTests {
    private static let steps = ["--steps", "250"]

    private static let undisturbed: Result<String, any Error> = Result {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("reference", ["--reference"] + steps)
        guard outcome.status == 0 else { throw OobleckError(.internalFault, outcome.errors) }
        return try laboratory.result("reference").stateSHA256
    }

    private func startTraining(_ laboratory: Laboratory) throws -> Running {
        let running = try laboratory.start(laboratory.trainArguments("run", Self.steps))
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 >= 6 })
        return running
    }

    private func finish(_ laboratory: Laboratory, _ running: Running) throws {
        let outcome = try running.wait(deadline: 180)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == (try Self.undisturbed.get()))
        #expect(result.failures == 0 && result.samplesRepeated == 0)
        #expect(try laboratory.events("run", .nodeLost) == [])
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
    }

    @Test(
        "all nodes silent for two budgets and more, as if the coordinator were cut off, cost nobody"
    )
    func silent() throws {
        let laboratory = try Laboratory()
        let running = try startTraining(laboratory)
        defer { running.signal(SIGINT) }
        let nodes = try #require(laboratory.status("run")?.nodes)
        let processes = nodes.flatMap { ($0.agentPID.map { [$0] } ?? []) + $0.workerPIDs }
        for pid in processes { kill(pid_t(pid), SIGSTOP) }
        defer { for pid in processes { kill(pid_t(pid), SIGCONT) } }
        #expect(waitUntil(10) { laboratory.status("run")?.phase == .reconnecting })
        let step = laboratory.status("run")?.step
        hold(4)
        #expect(laboratory.status("run")?.step == step)
        for pid in processes { kill(pid_t(pid), SIGCONT) }
        #expect(waitUntil(20) { laboratory.status("run")?.step ?? 0 > (step ?? 0) + 1 })
        try finish(laboratory, running)
        #expect(try laboratory.events("run", .isolated).count == 1)
        #expect(try laboratory.events("run", .reconnected).count == 1)
    }

    @Test("a coordinator that stands still for three budgets takes nobody for dead")
    func stoppedCoordinator() throws {
        let laboratory = try Laboratory()
        let running = try startTraining(laboratory)
        defer { running.signal(SIGINT) }
        running.signal(SIGSTOP)
        hold(6)
        running.signal(SIGCONT)
        try finish(laboratory, running)
        let warnings = try laboratory.events("run", .warning).map(\.content)
        let isTold = warnings.contains {
            if case .warning(.coordinatorAway(let time)) = $0 { time > 3 } else { false }
        }
        #expect(isTold, "\(warnings)")
    }
}
