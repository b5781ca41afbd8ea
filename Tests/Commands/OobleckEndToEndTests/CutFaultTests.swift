import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// Faults in which everybody lives, and somebody seems not to.
@Suite("Everybody lives, and it does not look so", .serialized, .timeLimit(.minutes(10)))
struct CutFaultTests {
    private func begin() throws -> LivingRun { try LivingRun(steps: 250) }

    /// The run ends as it should, without any loss.
    private func end(_ run: LivingRun) throws {
        #expect(try run.finish().failures == 0)
        #expect(try run.events(.nodeLost) == [])
    }

    @Test(
        "all nodes silent for two budgets and more, as if the coordinator were cut off, cost nobody"
    )
    func silent() throws {
        let run = try begin()
        defer { run.running.signal(SIGINT) }
        let laboratory = run.laboratory
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
        try end(run)
        #expect(try laboratory.events("run", .isolated).count == 1)
        #expect(try laboratory.events("run", .reconnected).count == 1)
    }

    @Test("a coordinator that stands still for three budgets takes nobody for dead")
    func stoppedCoordinator() throws {
        let run = try begin()
        defer { run.running.signal(SIGINT) }
        let laboratory = run.laboratory
        run.running.signal(SIGSTOP)
        hold(6)
        run.running.signal(SIGCONT)
        try end(run)
        let warnings = try laboratory.events("run", .warning).map(\.content)
        let isTold = warnings.contains {
            if case .warning(.coordinatorAway(let time)) = $0 { time > 3 } else { false }
        }
        #expect(isTold, "\(warnings)")
    }
}
