import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

@Suite("How runs end", .serialized, .timeLimit(.minutes(10)))
struct EndingTests {
    @Test("when the last copy of a layer is gone, the run stops with 75 and names the layers")
    func beyondFaultTolerance() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train(
            "run",
            [
                "--nodes", "2", "--no-checkpoints",
                "--fault", "node=0,point=mid-forward,step=2,target=node",
            ]
        )
        #expect(outcome.status == 75)
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(outcome.errors.contains("layer"), "\(outcome.errors)")
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }

    @Test("an interrupted run ends by itself and leaves no process")
    func interrupted() throws {
        let laboratory = try Laboratory()
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--steps", "100000"])
        )
        let directory = laboratory.path("run")
        #expect(waitUntil(60) { (try? RunDirectory.open(path: directory).status().step) ?? 0 > 0 })
        running.signal(SIGINT)
        let outcome = try running.wait(deadline: 20)
        #expect(outcome.status == 75)
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }

    @Test("when no coordinator follows one that was killed, agents and workers end in time")
    func coordinatorKilled() throws {
        let laboratory = try Laboratory()
        try laboratory.edit {
            $0.replacing("detection_budget: 2", with: "detection_budget: 2, coordinator_wait: 6")
        }
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--steps", "100000"])
        )
        let directory = laboratory.path("run")
        #expect(waitUntil(60) { (try? RunDirectory.open(path: directory).status().step) ?? 0 > 0 })
        let status = try RunDirectory.open(path: directory).status()
        let pids = status.nodes.flatMap { ($0.agentPID.map { [$0] } ?? []) + $0.workerPIDs }
        #expect(pids.count == 12)
        running.signal(SIGKILL)
        _ = try running.wait(deadline: 10)
        let waiting = try laboratory.run(["status", directory])
        #expect(waiting.output.contains("its nodes wait until"), "\(waiting.output)")
        #expect(waiting.output.contains("oobleck train --resume"), "\(waiting.output)")
        let adding = try laboratory.run(["add", directory])
        #expect(adding.status == 64 && adding.errors.contains("--resume"), "\(adding.errors)")
        #expect(waitUntil(20) { (try? laboratory.orphans().isEmpty) == true })
        let gone = try laboratory.run(["status", directory])
        #expect(gone.output.contains("and its nodes with it"), "\(gone.output)")
    }

    @Test("a run that is stopped says how it goes on, does, and can train more steps in the end")
    func stoppedAndResumed() throws {
        let laboratory = try Laboratory()
        let directory = laboratory.path("run")
        let running = try laboratory.start(laboratory.trainArguments("run", ["--steps", "30"]))
        #expect(waitUntil(60) { (try? RunDirectory.open(path: directory).status().step) ?? 0 > 2 })
        running.signal(SIGINT)
        let stopped = try running.wait(deadline: 60)
        #expect(stopped.status == 75, "\(stopped.errors)")
        let last = stopped.errors.split(separator: "\n").last ?? ""
        #expect(last.contains("its state is saved; go on with: oobleck train --resume"), "\(last)")
        let status = try laboratory.run(["status", directory])
        #expect(status.output.contains("newest checkpoint: step"), "\(status.output)")
        #expect(status.output.contains("done") && !status.output.contains("healthy"))
        // On other nodes, and from the seed when the checkpoints are gone.
        let changed = try laboratory.run(["train", "--resume", directory, "--seed", "2"])
        #expect(changed.status == 64 && changed.errors.contains("--seed"), "\(changed.errors)")
        let resumed = try laboratory.run(["train", "--resume", directory, "--nodes", "4"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        // A finished run with more steps: as one that was to train so many, on the same schedule.
        let longer = try laboratory.run(["train", "--resume", directory, "--steps", "34"])
        try #require(longer.status == 0, "\(longer.errors)")
        try laboratory.edit { $0.replacing("steps: 8", with: "steps: 34, decay_steps: 30") }
        let whole = try laboratory.train("whole", ["--no-checkpoints"])
        try #require(whole.status == 0, "\(whole.errors)")
        let (result, expected) = (try laboratory.result("run"), try laboratory.result("whole"))
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.failures == 0 && result.samplesCommitted == expected.samplesCommitted)
        let report = try RunVerifier.verify(directory)
        #expect(report.isIntact, "\(report.violations)")
    }

    /// What is wrong with a job, the exit status it leads to, and a word of the line that says so.
    static let badJobs: [(change: (String, String), arguments: [String], Int32, String)] = [
        (("dropout: 0.1", "dropuot: 0.1"), [], 65, "dropuot"),
        (("microbatch: 2", "microbatch: 3"), [], 65, "microbatch"),
        (("corpus: corpus.txt", "corpus: missing.txt"), [], 65, "missing.txt"),
        (("sequence_length: 64", "sequence_length: 640000"), [], 65, "corpus"),
        (("device_memory: 50000", "device_memory: 100"), [], 69, "memory"),
        (("nodes: 6", "nodes: 1"), [], 69, "node"),
    ]

    @Test("a bad job gives one line and the right status, and leaves nothing", arguments: 0..<6)
    func badJobs(index: Int) throws {
        let laboratory = try Laboratory()
        let (change, arguments, status, word) = Self.badJobs[index]
        try laboratory.edit { $0.replacing(change.0, with: change.1) }
        let outcome = try laboratory.train("run", arguments)
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(word), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("run")))
    }

    @Test("a run directory in use is refused")
    func directoryInUse() throws {
        let laboratory = try Laboratory()
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--steps", "100000"])
        )
        defer { running.signal(SIGINT) }
        let directory = laboratory.path("run")
        #expect(waitUntil(60) { (try? RunDirectory.open(path: directory).status().step) ?? 0 > 0 })
        let second = try laboratory.train("run")
        #expect(second.status == 64, "\(second.errors)")
        #expect(second.errors.contains("in use"), "\(second.errors)")
        running.signal(SIGINT)
        _ = try running.wait(deadline: 20)
    }

    @Test("a port in use is named")
    func portInUse() throws {
        let laboratory = try Laboratory()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                #expect(bind(listener, raw, size) == 0)
                #expect(listen(listener, 1) == 0)
                #expect(getsockname(listener, raw, &size) == 0)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        let outcome = try laboratory.train("run", ["--port", "\(port)"])
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.errors.contains("\(port)"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("run")))
    }
}
