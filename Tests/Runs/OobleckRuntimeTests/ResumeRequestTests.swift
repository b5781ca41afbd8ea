import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@testable import OobleckRuntime

@Suite("A request to resume a run", .timeLimit(.minutes(5)))
struct ResumeRequestTests {
    private func request(
        _ change: (inout ResumeRequest) -> Void = { _ in }
    ) -> ResumeRequest {
        var request = ResumeRequest(path: "/run")
        change(&request)
        return request
    }

    private func error(_ body: () throws -> some Any) -> OobleckError? {
        #expect(throws: OobleckError.self) { _ = try body() }
    }

    @Test("that asks for nothing leaves the job as it was")
    func unchanged() throws {
        let remains = try RunRemains()
        let job = try request().changed(RunRemains.job, in: remains.directory, committed: 5)
        #expect(job == RunRemains.job)
    }

    @Test("for more steps or fewer keeps the learning rate of every step")
    func steps() throws {
        let directory = try RunRemains().directory
        for steps in [5, 9, 30] {
            let job = try request { $0.steps = steps }
                .changed(RunRemains.job, in: directory, committed: 5)
            #expect(job.training.steps == steps)
            #expect(job.training.scheduledSteps == RunRemains.job.training.scheduledSteps)
        }
        let fewer = error {
            try request { $0.steps = 4 }.changed(RunRemains.job, in: directory, committed: 5)
        }
        #expect(fewer?.code == .usage)
        #expect(fewer?.message.hasPrefix("--steps is 4, but 5 steps of the run in ") == true)
    }

    @Test("for nodes that the job does not allow is refused")
    func nodes() throws {
        let directory = try RunRemains().directory
        let job = try request { $0.nodes = 7 }
            .changed(RunRemains.job, in: directory, committed: 0)
        #expect(job.cluster.nodes == 7)
        let none = error {
            try request { $0.nodes = 0 }.changed(RunRemains.job, in: directory, committed: 0)
        }
        #expect(none?.message.contains("nodes") == true)
    }

    @Test("changes checkpoints only as asked")
    func checkpoints() throws {
        let directory = try RunRemains().directory
        var job = RunRemains.job
        job.checkpoint = CheckpointSpecification(.steps(3), keep: 4, directory: "/saves")
        let same = try request().changed(job, in: directory, committed: 0)
        #expect(same.checkpoint == job.checkpoint)
        let other = try request { $0.checkpoint = CheckpointChoice(keep: 1) }
            .changed(job, in: directory, committed: 0)
        #expect(
            other.checkpoint == CheckpointSpecification(.steps(3), keep: 1, directory: "/saves")
        )
        let off = try request { $0.checkpoint = CheckpointChoice(isOff: true) }
            .changed(job, in: directory, committed: 0)
        #expect(off.checkpoint == nil)
        let idle = error {
            try request { $0.checkpoint = CheckpointChoice(keep: 1) }
                .changed(RunRemains.job, in: directory, committed: 0)
        }
        #expect(idle?.message.contains("--checkpoint-keep is set") == true)
    }

    @Test("of a finished run trains more only when it says so")
    func finished() throws {
        let directory = try RunRemains().directory
        #expect(try !request().isMore(thanFinished: 9, in: directory))
        #expect(try !request { $0.steps = 9 }.isMore(thanFinished: 9, in: directory))
        #expect(try request { $0.steps = 10 }.isMore(thanFinished: 9, in: directory))
        let fewer = error {
            try request { $0.steps = 8 }.isMore(thanFinished: 9, in: directory)
        }
        #expect(fewer?.code == .usage)
        #expect(fewer?.message.contains("it must be more") == true)
    }

    @Test("with TLS goes to a run with TLS only, and without to one without")
    func tls() throws {
        try request().requireSameTLS(false)
        let plain = error { try request().requireSameTLS(true) }
        #expect(plain?.message.contains("--tls-cert") == true)
    }

    @Test("listens where the run did, unless it names another place")
    func launch() {
        let last = LaunchRecord(host: "10.0.0.1", port: 7, startedNodes: 2, tls: false)
        let end = CoordinatorEndpoint(host: "10.0.0.2", port: 4711, pid: 1)
        let plain = LaunchRecord(host: "127.0.0.1", port: 0, startedNodes: nil, tls: false)
        #expect(request().launch(after: nil, nil) == plain)
        #expect(request().launch(after: last, nil) == last)
        #expect(request().launch(after: last, end).host == "10.0.0.2")
        #expect(request().launch(after: last, end).port == 7)
        let given = request {
            $0.listenHost = "::1"
            $0.port = 9
        }
        #expect(given.launch(after: last, end).host == "::1")
        #expect(given.launch(after: last, end).port == 9)
        // Another number of nodes says nothing of how many of them this machine has.
        #expect(request { $0.nodes = 8 }.launch(after: last, nil).startedNodes == nil)
        let both = request {
            $0.nodes = 8
            $0.startedNodes = 3
        }
        #expect(both.launch(after: last, nil).startedNodes == 3)
    }
}

@Suite("How many nodes a coordinator starts", .timeLimit(.minutes(5)))
struct RunStaffingTests {
    private static let all = LaunchRecord(host: "h", port: 0, startedNodes: nil, tls: false)

    private func resumed(
        _ request: ResumeRequest = ResumeRequest(path: "/run"),
        _ launch: LaunchRecord = all,
        adopted: Int,
        mayHaveOthers: Bool = false
    ) -> RunStaffing {
        var job = RunRemains.job
        if let nodes = request.nodes { job.cluster.nodes = nodes }
        return RunStaffing(
            resuming: request,
            job,
            launch,
            adopted: adopted,
            mayHaveOthers: mayHaveOthers
        )
    }

    @Test("all of a new run, or as many as this machine is to have")
    func new() {
        let whole = RunStaffing(wanted: 4, startedNodes: nil, adopted: 0)
        #expect((whole.newNodes, whole.awaitsOthers) == (4, false))
        let some = RunStaffing(wanted: 4, startedNodes: 1, adopted: 0)
        #expect((some.newNodes, some.awaitsOthers) == (1, true))
        #expect(some.expectedNewcomers == nil)
    }

    @Test("none where nodes wait, also if some of them are dead")
    func taken() {
        let taken = RunStaffing(wanted: 4, startedNodes: 2, adopted: 3)
        #expect((taken.newNodes, taken.awaitsOthers) == (0, true))
    }

    @Test("as many as before when a stopped run is resumed, and they are waited for")
    func resumed() {
        let all = resumed(adopted: 0)
        #expect((all.newNodes, all.awaitsOthers, all.expectedNewcomers) == (4, false, 4))
        var launch = Self.all
        launch.startedNodes = 1
        let one = resumed(ResumeRequest(path: "/run"), launch, adopted: 0)
        #expect((one.newNodes, one.awaitsOthers, one.expectedNewcomers) == (1, true, 4))
    }

    @Test("none when nodes wait, unless more are asked for")
    func adopted() {
        let none = resumed(adopted: 3)
        #expect((none.newNodes, none.awaitsOthers, none.expectedNewcomers) == (0, true, 0))
        var request = ResumeRequest(path: "/run")
        request.nodes = 6
        let more = resumed(request, adopted: 4)
        #expect((more.newNodes, more.awaitsOthers, more.expectedNewcomers) == (2, false, 2))
        request.nodes = 3
        #expect(resumed(request, adopted: 4).newNodes == 0)
    }

    @Test("nodes of other machines may wait: then only those that are started are new")
    func others() {
        var launch = Self.all
        launch.startedNodes = 1
        let remote = resumed(
            ResumeRequest(path: "/run"),
            launch,
            adopted: 0,
            mayHaveOthers: true
        )
        #expect((remote.newNodes, remote.awaitsOthers, remote.expectedNewcomers) == (1, true, 1))
    }
}
