import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import OobleckTransport
import Testing

@testable import OobleckRuntime

@Suite("How it stands with a run", .timeLimit(.minutes(5)))
struct RunSituationTests {
    private func evidence(
        isRunning: Bool = false,
        isFinished: Bool = false,
        _ remains: RunSituation.Remains? = nil
    ) -> RunSituation.Evidence {
        var evidence = RunSituation.Evidence()
        evidence.isRunning = isRunning
        evidence.isFinished = isFinished
        evidence.remains = remains
        return evidence
    }

    private func remains(
        lastSeen: Double?,
        here: [NodeID]?,
        living: [NodeID] = [0, 1]
    ) -> RunSituation.Remains {
        RunSituation.Remains(lastSeen: lastSeen, wait: 600, waitingHere: here, living: living)
    }

    @Test("a process that lives decides before everything that lies in the directory")
    func order() {
        let rest = remains(lastSeen: 0, here: [1])
        let all = evidence(isRunning: true, isFinished: true, rest)
        #expect(RunSituation(all, now: 1) == .going)
        #expect(RunSituation(evidence(isFinished: true, rest), now: 1) == .finished)
        #expect(RunSituation(evidence(), now: 1) == .stopped)
    }

    @Test("nodes of this machine wait as long as their processes live, however late it is")
    func local() {
        let waiting = evidence(remains(lastSeen: 100, here: [1]))
        #expect(RunSituation(waiting, now: 5000) == .waiting([1], since: 100, until: 700))
        let none = evidence(remains(lastSeen: 100, here: []))
        #expect(RunSituation(none, now: 101) == .abandoned(since: 100))
    }

    @Test("nodes of other machines wait until their time is over")
    func remote() {
        let rest = evidence(remains(lastSeen: 100, here: nil))
        #expect(RunSituation(rest, now: 699) == .waiting([0, 1], since: 100, until: 700))
        #expect(RunSituation(rest, now: 700) == .abandoned(since: 100))
        let unseen = evidence(remains(lastSeen: nil, here: nil))
        #expect(RunSituation(unseen, now: 50) == .waiting([0, 1], since: 50, until: 650))
        let nobody = evidence(remains(lastSeen: 100, here: nil, living: []))
        #expect(RunSituation(nobody, now: 101) == .abandoned(since: 100))
    }

    @Test("only a run that ended unfinished can go on without being asked for more")
    func canGoOn() {
        let can: [RunSituation] = [
            .stopped, .waiting([1], since: 0, until: 1), .abandoned(since: 0),
        ]
        #expect(can.allSatisfy { $0.canGoOn })
        #expect(![RunSituation.going, .finished].contains { $0.canGoOn })
    }

    @Test("a directory: of a run that is going on, stopped, finished, and to be extended")
    func directory() throws {
        let remains = try RunRemains()
        let status = RunRemains.status()
        #expect(try RunSituation(remains.directory, status, now: 1) == .stopped)
        do {
            let held = try RunDirectory.resume(path: remains.path)
            #expect(try RunSituation(remains.directory, status, now: 1) == .going)
            held.release()
        }
        try remains.finish(steps: 9)
        #expect(try RunSituation(remains.directory, status, now: 1) == .finished)
        // A result of fewer steps than the job has by now does not count.
        var job = RunRemains.job
        job.training.extend(to: 12)
        try remains.directory.write(job)
        #expect(try RunSituation(remains.directory, status, now: 1) == .stopped)
    }

    @Test("a directory whose coordinator died: its nodes are found by their processes")
    func orphans() async throws {
        let remains = try RunRemains()
        let directory = try remains.directory
        try directory.write(CoordinatorEndpoint(host: "127.0.0.1", port: 1, pid: 1))
        let agent = try ChildProcess.spawn(
            "/bin/sh",
            ["-c", "read line", directory.endpointPath],
            group: .own,
            holdsInput: true,
            logPath: nil
        )
        // The system shows a new process's arguments a moment after it has started.
        let end = MonotonicTime.now + 30
        while LocalCluster.waiting([0: Int(agent.pid)], endpointPath: directory.endpointPath) == [],
            MonotonicTime.now < end
        { await Task.yield() }
        // A process of this machine that is no agent of the run.
        let stranger = Int(getpid())
        let status = RunRemains.status(
            [
                NodeStatus(id: 0, state: .healthy, agentPID: Int(agent.pid)),
                NodeStatus(id: 1, state: .healthy, agentPID: stranger),
                NodeStatus(id: 2, state: .dead, agentPID: Int(agent.pid)),
            ],
            updated: 100
        )
        let waiting = try RunSituation(directory, status, now: 200)
        #expect(waiting == .waiting([0], since: 100, until: 700))
        let told = try status.updated(for: waiting, in: directory)
        #expect(told.nodes.map(\.state) == [.waiting, .dead, .dead])
        #expect(told.nodesWaitUntil == 700)
        #expect(told.resumeCommand?.contains(remains.path) == true)
        agent.signalGroup(SIGKILL)
        #expect(try await agent.waitUntilExit(deadline: MonotonicTime.now + 30))
        #expect(try RunSituation(directory, status, now: 200) == .abandoned(since: 100))
    }

    @Test("a folder that is no run's is told as such, and so is a run that never trained")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let none = #expect(throws: OobleckError.self) { try RunDirectory.resume(path: folder.path) }
        #expect(none?.code == .inputData)
        #expect(none?.message.contains("not a run directory") == true)
        let path = folder.path + "/run"
        try RunDirectory.create(path: path, job: RunRemains.job, configText: "").release()
        let young = #expect(throws: OobleckError.self) { try RunDirectory.resume(path: path) }
        #expect(young?.message.contains("never began to train") == true)
    }
}
