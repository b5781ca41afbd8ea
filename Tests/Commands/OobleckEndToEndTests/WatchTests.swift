import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import Testing

@Suite("Watching a run", .serialized, .timeLimit(.minutes(5)))
struct WatchTests {
    @Test(
        "over its coordinator's socket: the loss of a node and the recovery arrive with their fields"
    )
    func watch() throws {
        let laboratory = try Laboratory()
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--steps", "120"])
        )
        defer { running.signal(SIGINT) }
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 >= 3 })
        let directory = try RunDirectory.open(path: laboratory.path("run"))
        let endpoint = try directory.endpoint()
        let connection = [
            "--coordinator", "\(endpoint.host):\(endpoint.port)", "--token-file",
            directory.tokenPath, "--format", "json",
        ]
        let events = try laboratory.start(["events", "--follow"] + connection)
        let statuses = try laboratory.start(["status", "--watch"] + connection)
        // Both need a moment to connect; commits that they are told of show that they have.
        let once = try laboratory.run(["status"] + connection)
        try #require(once.status == 0, "\(once.errors)")
        let asked = try JSONDecoder().decode(RunStatus.self, from: Data(once.output.utf8))
        #expect(asked.steps == 120 && asked.nodes.count == 6)
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 >= asked.step + 5 })
        let victim = try #require(laboratory.status("run")?.nodes.first { $0.id == 2 })
        kill(pid_t(try #require(victim.workerPIDs.first)), SIGKILL)
        let outcome = try running.wait(deadline: 120)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let watched = try events.wait(deadline: 20)
        #expect(watched.status == 0, "\(watched.errors)")
        let told = try watched.output.split(separator: "\n").map {
            try TimedEvent.parsing(String($0))
        }
        guard
            case .nodeLost(2, let cause) = told.first(where: { $0.event.kind == .nodeLost })?.event
                .content
        else {
            Issue.record("\(watched.output)")
            return
        }
        #expect(!cause.evidence.isEmpty)
        guard
            case .recovered(let record) = told.first(where: { $0.event.kind == .recovered })?.event
                .content
        else {
            Issue.record("\(watched.output)")
            return
        }
        #expect(record.lostNodes == [2] && record.transferBytes > 0 && record.total > 0)
        // The last is a line of the file like all others.
        #expect(told.last?.event.content == .finished)
        let file = try String(contentsOfFile: directory.eventsPath, encoding: .utf8)
        #expect(file.hasSuffix(watched.output), "the watch tells the lines of the file")
        let seen = try statuses.wait(deadline: 20)
        #expect(seen.status == 0, "\(seen.errors)")
        let steps = try seen.output.split(separator: "\n").map {
            try JSONDecoder().decode(RunStatus.self, from: Data($0.utf8)).step
        }
        #expect(steps.count > 3 && steps == steps.sorted())
    }

    @Test("a watch needs a coordinator, a token and --follow, and says so in one line")
    func usage() throws {
        let laboratory = try Laboratory()
        let refused = [
            ["events"], ["events", "--coordinator", "127.0.0.1:1", "--token-file", "t"],
            ["events", "--follow", "--coordinator", "127.0.0.1:1"],
            [
                "status", laboratory.path("run"), "--coordinator", "127.0.0.1:1", "--token-file",
                "t",
            ],
        ]
        for arguments in refused {
            #expect(try laboratory.run(arguments).status == 64, "\(arguments)")
        }
        let token = laboratory.path("token")
        try String(repeating: "5e", count: 32).write(
            toFile: token,
            atomically: true,
            encoding: .utf8
        )
        chmod(token, 0o600)
        let unreachable = try laboratory.run([
            "status", "--coordinator", "127.0.0.1:1", "--token-file", token,
        ])
        #expect(unreachable.status != 0 && unreachable.errors.split(separator: "\n").count == 1)
    }
}
