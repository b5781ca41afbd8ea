import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// What real signals and real terminals do to every command and process that trains.
@Suite("Signals", .serialized, .timeLimit(.minutes(10)))
struct SignalTests {
    private static let program = Laboratory.programs + "/oobleck"
    private static let isForever = ["--steps", "1000000", "--checkpoint-every", "500000"]

    /// A laboratory whose job takes whatever plan there is, on two nodes.
    private func laboratory() throws -> Laboratory {
        let laboratory = try Laboratory()
        try laboratory.edit { $0.replacing("device_memory: 50000, ", with: "") }
        return laboratory
    }

    private func step(_ laboratory: Laboratory, _ run: String = "run") -> Int {
        laboratory.status(run)?.step ?? 0
    }

    private func expectNoOrphans(_ laboratory: Laboratory) {
        let isClean = waitUntil(5) { (try? laboratory.orphans().isEmpty) == true }
        let left = (try? laboratory.orphans()) ?? []
        #expect(isClean, "\(left)")
    }

    @Test("after its own measurement, SIGUSR1 saves and Ctrl-C stops a run that can go on")
    func controlC() throws {
        let laboratory = try laboratory()
        let job = laboratory.path("job.yaml")
        let path = laboratory.path("my run")
        let run = try TerminalRun(
            Self.program,
            ["train", job, "--run-dir", path, "--nodes", "2"] + Self.isForever
        )
        #expect(waitUntil(60) { step(laboratory, "my run") > 2 }, "\(run.output)")
        // No role may die of a request to save.
        let nodes = try #require(laboratory.status("my run")?.nodes)
        for pid in nodes.flatMap({ [$0.agentPID ?? 0] + $0.workerPIDs }) where pid > 0 {
            kill(pid_t(pid), SIGUSR1)
        }
        run.signal(SIGUSR1)
        #expect(
            waitUntil(20) {
                (try? laboratory.events("my run", .checkpointSaved).isEmpty) == false
            }
        )
        run.type("\u{3}")
        #expect(run.end(within: 20) == 75, "\(run.output)")
        #expect(run.output.contains("stopping after this step; a second Ctrl-C"))
        #expect(run.output.contains("train --resume '\(path)'"), "\(run.output)")
        #expect(try laboratory.events("my run", .nodeLost).isEmpty)
        let directory = try RunDirectory.open(path: path)
        let steps = try Checkpoint.steps(in: directory.checkpointsPath).map(\.step)
        #expect(steps.last == (try LedgerEnd(path: directory.ledgerPath).steps))
        expectNoOrphans(laboratory)
    }

    @Test("a run goes on without its terminal; a second SIGTERM ends an agent and a run at once")
    func lostTerminal() throws {
        let laboratory = try laboratory()
        let run = try TerminalRun(
            Self.program,
            laboratory.trainArguments("run", ["--nodes", "3"] + Self.isForever)
        )
        #expect(waitUntil(60) { step(laboratory) > 2 }, "\(run.output)")
        try endAgentAtOnce(laboratory)
        run.hangUp()
        let before = step(laboratory)
        #expect(waitUntil(20) { step(laboratory) > before + 20 })
        #expect(run.end(within: 0.1) == nil)
        // A worker that stands still holds up the step, and so the end in order.
        let node = try #require(laboratory.status("run")?.nodes.first)
        for pid in node.workerPIDs { kill(pid_t(pid), SIGSTOP) }
        run.signal(SIGTERM)
        #expect(run.end(within: 0.5) == nil)
        run.signal(SIGTERM)
        #expect(run.end(within: 1) == 75)
        expectNoOrphans(laboratory)
    }

    /// Asks an agent twice to end, while its worker stands still.
    private func endAgentAtOnce(_ laboratory: Laboratory) throws {
        let node = try #require(laboratory.status("run")?.nodes.last)
        let agent = try #require(node.agentPID)
        let pids = [agent] + node.workerPIDs
        for pid in node.workerPIDs { kill(pid_t(pid), SIGSTOP) }
        kill(pid_t(agent), SIGTERM)
        // On a busy machine, the worker may be missed before the status is written.
        let isLeaving = waitUntil(10) {
            laboratory.status("run")?.nodes.contains {
                $0.id == node.id && ($0.state == .draining || !$0.state.isAlive)
            } == true
        }
        #expect(isLeaving)
        kill(pid_t(agent), SIGTERM)
        let isGone = waitUntil(1.5) {
            pids.allSatisfy { !FileManager.default.fileExists(atPath: "/proc/\($0)/exe") }
        }
        #expect(isGone, "\(pids)")
        let before = step(laboratory)
        #expect(waitUntil(20) { step(laboratory) > before + 2 })
    }

    @Test("a lost terminal stops a run that a batch system watches over")
    func lostTerminalOfJob() throws {
        let laboratory = try laboratory()
        let run = try TerminalRun(
            Self.program,
            laboratory.trainArguments("run", ["--nodes", "2"] + Self.isForever),
            environment: ["SLURM_JOB_ID": "7"]
        )
        #expect(waitUntil(60) { step(laboratory) > 2 }, "\(run.output)")
        run.hangUp()
        #expect(run.end(within: 20) == 75)
        let last = try #require(try laboratory.events("run", .stopped).last)
        guard case .stopped(let reason) = last.content else {
            Issue.record("\(last)")
            return
        }
        #expect(reason.contains("the terminal is gone") && reason.contains("is saved"))
        expectNoOrphans(laboratory)
    }

    @Test("a supervisor passes signals on, and starts nothing again that was asked to end")
    func supervised() throws {
        let laboratory = try laboratory()
        let arguments = ["--supervise", "--nodes", "2"] + Self.isForever
        let run = try laboratory.start(laboratory.trainArguments("run", arguments))
        #expect(waitUntil(60) { step(laboratory) > 2 })
        run.signal(SIGUSR1)
        #expect(
            waitUntil(20) { (try? laboratory.events("run", .checkpointSaved).isEmpty) == false }
        )
        run.signal(SIGTERM)
        let outcome = try run.wait(deadline: 20)
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("train --resume"), "\(outcome.errors)")
        #expect(!outcome.output.contains("starting the next"))
        expectNoOrphans(laboratory)
    }

    @Test("the first SIGINT ends the demonstration, and the reference run")
    func demoAndReference() throws {
        let laboratory = try laboratory()
        let path = laboratory.path("run")
        let demo = try TerminalRun(Self.program, ["demo", "--run-dir", path, "--steps", "5000"])
        #expect(waitUntil(90) { step(laboratory) > 0 }, "\(demo.output)")
        demo.type("\u{3}")
        #expect(demo.end(within: 20) == 75, "\(demo.output)")
        expectNoOrphans(laboratory)

        let arguments = ["--reference"] + Self.isForever
        let reference = try laboratory.start(laboratory.trainArguments("reference", arguments))
        #expect(waitUntil(60) { step(laboratory, "reference") > 2 })
        reference.signal(SIGUSR1)
        reference.signal(SIGTERM)
        let outcome = try reference.wait(deadline: 20)
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("stopped on request"), "\(outcome.errors)")
        expectNoOrphans(laboratory)
    }

    @Test("a command that is no run ends with 128 and the signal's number, and leaves nothing")
    func profile() throws {
        let laboratory = try laboratory()
        // Big enough to be measured for a while.
        try laboratory.edit {
            $0.replacing("blocks: 6, hidden: 64", with: "blocks: 24, hidden: 512")
        }
        let folder = laboratory.path("temporary")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let profile = try laboratory.start(
            ["profile", laboratory.path("job.yaml"), "--output", laboratory.path("p.json")],
            environment: ["TMPDIR": folder]
        )
        let files = { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }
        #expect(
            waitUntil(20) {
                files().contains { $0.hasPrefix("oobleck-profile-") }
                    && (try? laboratory.orphans().contains { $0.contains("oobleck-worker") })
                        == true
            }
        )
        profile.signal(SIGUSR1)
        profile.signal(SIGTERM)
        let outcome = try profile.wait(deadline: 10)
        #expect(outcome.status == 128 + SIGTERM, "\(outcome.errors)")
        #expect(outcome.errors == "oobleck: interrupted\n")
        #expect(!files().contains { $0.hasPrefix("oobleck-profile-") })
        expectNoOrphans(laboratory)
    }

    @Test("an interrupted drill writes what it has, and takes only its own files for leaks")
    func drill() throws {
        let laboratory = try laboratory()
        let folder = laboratory.path("temporary")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let report = laboratory.path("report")
        let drill = try laboratory.start(
            ["drill", "--faults", "kill-worker", "--repeats", "500", "--report", report],
            environment: ["TMPDIR": folder]
        )
        let isAt = { (run: String) in
            let folders = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return folders.contains {
                FileManager.default.fileExists(atPath: "\(folder)/\($0)/\(run)/status.json")
            }
        }
        #expect(waitUntil(60) { isAt("kill-worker-0") })
        // Another program's file appears while a run is watched.
        _ = FileManager.default.createFile(atPath: folder + "/torch_other", contents: nil)
        #expect(waitUntil(60) { isAt("kill-worker-1") })
        drill.signal(SIGINT)
        let outcome = try drill.wait(deadline: 30)
        #expect(outcome.status == 128 + SIGINT, "\(outcome.output) \(outcome.errors)")
        #expect(outcome.output.contains("interrupted: 1 passed, 0 failed"), "\(outcome.output)")
        let json = try String(contentsOfFile: report + "/report.json", encoding: .utf8)
        #expect(json.contains("\"interrupted\" : true") && json.contains("\"leaks\" : [\n\n"))
        expectNoOrphans(laboratory)
    }
}
