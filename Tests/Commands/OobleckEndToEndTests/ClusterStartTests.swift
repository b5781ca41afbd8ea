import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

@Suite(
    "Starting a run where a cluster starts it, perhaps again",
    .serialized,
    .timeLimit(.minutes(5))
)
struct ClusterStartTests {
    @Test("the same command resumes an unfinished run, and says that a finished one is")
    func continued() throws {
        let laboratory = try Laboratory()
        let fault = CoordinatorFault(point: .afterRecord, step: 3).description
        let first = try laboratory.train("run", ["--continue", "--fault", fault])
        #expect(first.status == -SIGKILL, "\(first.errors)")
        let second = try laboratory.train("run", ["--continue"])
        try #require(second.status == 0, "\(second.errors)")
        #expect(second.output.contains("resuming the run"))
        let third = try laboratory.train("run", ["--continue"])
        #expect(third.status == 0 && third.output.contains("finished"), "\(third.errors)")
        let other = try laboratory.train("other")
        try #require(other.status == 0, "\(other.errors)")
        #expect(try laboratory.result("run").stateSHA256 == laboratory.result("other").stateSHA256)
        #expect(try laboratory.orphans().isEmpty)
    }

    @Test("a directory with another job's run is refused; what never began to train is replaced")
    func leftovers() throws {
        let laboratory = try Laboratory()
        let first = try laboratory.train("run")
        try #require(first.status == 0, "\(first.errors)")
        // As after a death while the model was profiled.
        let manager = FileManager.default
        try manager.createDirectory(
            atPath: laboratory.path("begun"),
            withIntermediateDirectories: true
        )
        for name in ["job.json", "config.yaml"] {
            try manager.copyItem(
                atPath: laboratory.path("run/" + name),
                toPath: laboratory.path("begun/" + name)
            )
        }
        let begun = try laboratory.train("begun", ["--continue"])
        #expect(begun.status == 0, "\(begun.errors)")
        try laboratory.edit { $0.replacing("seed: 5", with: "seed: 6") }
        let other = try laboratory.train("run", ["--continue"])
        #expect(other.status == 64 && other.errors.contains("has the run of another job"))
    }

    @Test("agents wait for the coordinator of a shared directory, and end when the run is finished")
    func sharedDirectory() throws {
        let laboratory = try Laboratory()
        let agent = ["agent", "--run-dir", laboratory.path("run"), "--until-finished"]
        let sharing = agent + ["--shares-machine"]
        var agents = try (0..<6).map { _ in try laboratory.start(sharing) }
        defer { for agent in agents { agent.signal(SIGKILL) } }
        let token = String(repeating: "0123456789abcdef", count: 4)
        try Data(token.utf8).write(to: URL(fileURLWithPath: laboratory.path("token")))
        chmod(laboratory.path("token"), 0o600)
        let coordinator = try laboratory.start(
            laboratory.trainArguments(
                "run",
                [
                    "--start-nodes", "0", "--steps", "120", "--token-file",
                    laboratory.path("token"),
                ]
            )
        )
        defer { coordinator.signal(SIGKILL) }
        try #require(waitUntil(60) { (laboratory.status("run")?.step ?? 0) >= 5 }, "no step")
        #expect(
            try String(contentsOfFile: laboratory.path("run/token"), encoding: .utf8)
                .hasPrefix(token)
        )
        let leaving = agents.removeLast()
        leaving.signal(SIGTERM)
        let left = try leaving.wait(deadline: 30)
        #expect(left.status == 75, "\(left.errors)")
        #expect(left.errors.contains("before it was finished"))
        let outcome = try coordinator.wait(deadline: 120)
        try #require(outcome.status == 0, "\(outcome.errors)")
        for agent in agents {
            let end = try agent.wait(deadline: 30)
            #expect(end.status == 0, "\(end.errors)")
        }
        let late = try laboratory.run(agent)
        #expect(late.status == 0 && late.output.contains("is finished"), "\(late.errors)")
        #expect(try laboratory.orphans().isEmpty)
    }

    @Test("an agent that finds no coordinator in the directory says so, once, with status 75")
    func noCoordinator() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.run(["agent", "--run-dir", "nowhere", "--wait", "0.5"])
        #expect(outcome.status == 75)
        #expect(outcome.errors.contains("found no coordinator within"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test(
        "agents name one place of their run",
        arguments: [
            ["--token-file", "t"], ["--coordinator", "127.0.0.1:1"],
            ["--run-dir", "r", "--coordinator", "127.0.0.1:1"], ["--run-dir", "r", "--wait", "-1"],
            ["--coordinator", "127.0.0.1:1", "--token-file", "t", "--until-finished"],
        ]
    )
    func agentOptions(options: [String]) throws {
        let outcome = try Laboratory().run(["agent"] + options)
        #expect(outcome.status == 64, "\(outcome.errors)")
    }
}
