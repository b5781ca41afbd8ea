import Foundation
import OobleckCoordination
import OobleckCore
import OobleckEtcdSupport
import OobleckRunFiles
import OobleckStoreEtcd
import Testing

@Suite(
    "A standby takes over through etcd",
    .serialized,
    .enabled(if: EtcdCluster.program != nil, "no etcd here; run: apt install etcd-server"),
    .timeLimit(.minutes(10))
)
struct StandbyTests {
    /// Enough for the leader to be in the middle of them when it is hit.
    private static let steps = 60

    private let laboratory: Laboratory
    private let cluster: EtcdCluster
    /// The undisturbed run's.
    private let expected: RunResult

    init() throws {
        laboratory = try Laboratory()
        cluster = try EtcdCluster(members: 1)
        let reference = try laboratory.train(
            "reference",
            ["--reference", "--steps", "\(Self.steps)"]
        )
        try #require(reference.status == 0, "\(reference.errors)")
        expected = try laboratory.result("reference")
    }

    @Test("a leader that is killed is followed within its lease, and the result is the same")
    func killed() throws {
        let (leader, standby) = try start()
        leader.signal(SIGKILL)
        let killed = try leader.wait(deadline: 5)
        #expect(killed.status == -SIGKILL)
        try expectTakeover(standby)
    }

    @Test("a leader that is stopped and wakes up after its lease does nothing more")
    func stopped() throws {
        let (leader, standby) = try start()
        leader.signal(SIGSTOP)
        #expect(waitUntil(30) { (laboratory.status("standby")?.step ?? 0) > 0 })
        let ledger = laboratory.path("leader/ledger.jsonl")
        let before = try String(contentsOfFile: ledger, encoding: .utf8)
        leader.signal(SIGCONT)
        let woken = try leader.wait(deadline: 20)
        #expect(woken.status == 75, "\(woken.errors)")
        #expect(woken.errors.contains("leads the run no more"), "\(woken.errors)")
        #expect(try String(contentsOfFile: ledger, encoding: .utf8) == before)
        try expectTakeover(standby)
    }

    @Test("a standby that was not needed says so, and leaves nothing")
    func notNeeded() throws {
        let standby: Running
        let leader = try lead(["--steps", "4"])
        try #require(waitUntil(60) { laboratory.status("leader") != nil })
        standby = try stand()
        #expect(try leader.wait(deadline: 60).status == 0)
        let outcome = try standby.wait(deadline: 30)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("standby")))
        let again = try lead([], in: "again").wait(deadline: 60)
        #expect(again.status == 64, "\(again.errors)")
        #expect(again.errors.contains("already"), "\(again.errors)")
    }

    @Test(
        "a leader that stood still for less than its lease goes on, with all nodes",
        arguments: [2.2, 2.5]
    )
    func shortStop(seconds: Double) throws {
        let leader = try lead(["--steps", "\(Self.steps)"])
        try #require(waitUntil(60) { (laboratory.status("leader")?.step ?? 0) > 3 })
        leader.signal(SIGSTOP)
        hold(seconds)
        leader.signal(SIGCONT)
        let outcome = try leader.wait(deadline: 90)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try expectSame("leader")
        #expect(try laboratory.result("leader").failures == 0)
    }

    @Test(
        "an etcd that stood still, shorter or longer than the lease, costs the run nothing",
        arguments: [2.6, 6]
    )
    func stalled(seconds: Double) throws {
        let leader = try lead(["--steps", "\(Self.steps)"])
        try #require(waitUntil(60) { (laboratory.status("leader")?.step ?? 0) > 3 })
        let etcd = try #require(cluster.processes.first).processIdentifier
        kill(etcd, SIGSTOP)
        hold(seconds)
        kill(etcd, SIGCONT)
        let outcome = try leader.wait(deadline: 110)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try expectSame("leader")
        #expect(try laboratory.result("leader").failures == 0)
    }

    @Test("a name whose first start was cut off is free again")
    func cutOffStart() async throws {
        let store = try await EtcdStore.lead(
            cluster.location,
            as: EtcdLeader(host: "127.0.0.1", port: 1, id: "first"),
            budget: 2
        )
        try #require(store).persist(.tookOver(term: 1))
        try #require(store).close()
        let outcome = try lead(["--steps", "4"]).wait(deadline: 60)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test("a run whose leader dies once its result is kept is over for a standby")
    func diesFinished() throws {
        let fault = CoordinatorFault(point: .afterResult, step: 0)
        let leader = try lead(["--steps", "4", "--fault", fault.description])
        try #require(waitUntil(60) { laboratory.status("leader") != nil })
        let standby = try stand()
        #expect(try leader.wait(deadline: 60).status == -SIGKILL)
        let outcome = try standby.wait(deadline: 40)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("the run is over"), "\(outcome.output)")
        // The nodes were told nothing. They look for a leader, and learn that none will come.
        #expect(waitUntil(30) { (try? laboratory.orphans().isEmpty) == true })
    }

    @Test("the leader itself goes on with --resume")
    func resumed() throws {
        let leader = try lead(["--steps", "\(Self.steps)"])
        try #require(waitUntil(60) { (laboratory.status("leader")?.step ?? 0) > 3 })
        leader.signal(SIGKILL)
        _ = try leader.wait(deadline: 5)
        let outcome = try laboratory.run(["train", "--resume", laboratory.path("leader")])
        #expect(outcome.status == 0, "\(outcome.errors)")
        try expectSame("leader")
    }

    /// A leader that has done some steps, and a standby that waits.
    private func start() throws -> (leader: Running, standby: Running) {
        let leader = try lead(["--steps", "\(Self.steps)"])
        try #require(waitUntil(60) { laboratory.status("leader") != nil })
        let standby = try stand()
        try #require(waitUntil(60) { (laboratory.status("leader")?.step ?? 0) > 3 })
        return (leader, standby)
    }

    private func lead(_ arguments: [String], in folder: String = "leader") throws -> Running {
        let coordination = ["--coordination", cluster.location.description]
        return try laboratory.start(
            laboratory.trainArguments(folder, arguments + coordination)
        )
    }

    private func stand() throws -> Running {
        try laboratory.start([
            "train", "--standby", "--coordination", cluster.location.description, "--run-dir",
            laboratory.path("standby"),
        ])
    }

    private func expectTakeover(_ standby: Running) throws {
        let outcome = try standby.wait(deadline: 90)
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("taking over at step"), "\(outcome.output)")
        try expectSame("standby")
    }

    private func expectSame(_ folder: String) throws {
        let result = try laboratory.result(folder)
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.failures == 0)
        #expect(result.samplesCommitted == expected.samplesCommitted)
        #expect(result.samplesRepeated == 0)
        let report = try RunVerifier.verify(laboratory.path(folder))
        #expect(report.isIntact, "\(report.violations)")
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }
}
