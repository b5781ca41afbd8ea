import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// `oobleck launch` on real ssh hosts, each with its own network, processes and copy of the data.
@Suite(
    "Runs on other machines over ssh",
    .serialized,
    .enabled(if: SSHHosts.areAvailable, "\(SSHHosts.obstacle ?? "")"),
    .timeLimit(.minutes(10))
)
struct LaunchTests {
    private static let steps = ["--steps", "150"]

    private static let undisturbed: Result<String, any Error> = Result {
        let laboratory = try Laboratory()
        try prepare(laboratory)
        let outcome = try laboratory.train("reference", ["--reference"] + steps)
        guard outcome.status == 0 else { throw OobleckError(.internalFault, outcome.errors) }
        return try laboratory.result("reference").stateSHA256
    }

    /// Three nodes, each of which can hold the model.
    private static func prepare(_ laboratory: Laboratory) throws {
        try laboratory.edit {
            $0.replacing("device_memory: 50000, ", with: "").replacing("nodes: 6", with: "nodes: 3")
        }
    }

    /// Three hosts, each with its own copy of the job's data.
    private func makeHosts(_ laboratory: Laboratory) throws -> SSHHosts {
        let hosts = try SSHHosts(3)
        try #require(hosts.isUp, "\(hosts.trouble)")
        try Self.prepare(laboratory)
        let corpus = try String(contentsOfFile: laboratory.path("corpus.txt"), encoding: .utf8)
        try hosts.place(corpus, "corpus.txt", on: [1, 2, 3])
        try laboratory.edit {
            $0.replacing("corpus: corpus.txt", with: "corpus: \(hosts.dataPath)/corpus.txt")
        }
        return hosts
    }

    private func arguments(
        _ laboratory: Laboratory,
        _ hosts: SSHHosts,
        _ more: [String] = []
    ) -> [String] {
        [
            "launch", laboratory.path("job.yaml"), "--hostfile", hosts.folder + "/hosts",
            "--ssh-config", hosts.folder + "/ssh_config", "--run-dir", laboratory.path("run"),
        ] + Self.steps + more
    }

    private func waitForStep(_ laboratory: Laboratory, _ step: Int) throws {
        let hasIt = waitUntil(90) { laboratory.status("run")?.step ?? 0 >= step }
        try #require(hasIt, "the run is at \(laboratory.status("run")?.step ?? -1)")
    }

    private func check(_ laboratory: Laboratory, _ outcome: Laboratory.Outcome) throws -> RunResult
    {
        try #require(outcome.status == 0, "\(outcome.errors)\n\(outcome.output)")
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == (try Self.undisturbed.get()))
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        return result
    }

    @Test(
        "a host that loses power costs no bit, and takes part again when it is back",
        .timeLimit(.minutes(5))
    )
    func powerOff() throws {
        let laboratory = try Laboratory()
        let hosts = try makeHosts(laboratory)
        let running = try hosts.start(laboratory, arguments(laboratory, hosts, ["--respawn"]))
        defer { running.signal(SIGKILL) }
        try waitForStep(laboratory, 6)
        #expect(try RunDirectory.open(path: laboratory.path("run")).endpoint().tls == true)
        try hosts.call("off", ["2"])
        #expect(waitUntil(20) { (try? laboratory.events("run", .recovered).count) == 1 })
        let isUp = try hosts.call("on", ["2"])
        #expect(isUp.status == 0, "\(isUp.errors)")
        let isBack = waitUntil(60) {
            let nodes = laboratory.status("run")?.nodes ?? []
            return nodes.contains { $0.name == "node2" && $0.state == .healthy }
        }
        #expect(isBack)
        let result = try check(laboratory, try running.wait(deadline: 120))
        #expect(result.failures == 1 && result.samplesRepeated == 0)
        #expect(try hosts.agents([1, 2, 3]) == [])
        let logs = try laboratory.run(["logs", laboratory.path("run"), "--node", "3"]).output
        #expect(logs.contains("node 3 starts: agent"))
        #expect(logs.contains("node 3: left the run: the run is over"))
        // The certificate and the token are of no use any more.
        let left = try FileManager.default.contentsOfDirectory(atPath: laboratory.path("run"))
        #expect(!left.contains("tls") && !left.contains("token"), "\(left)")
    }

    @Test(
        "a host behind a cut cable is lost within the budget, and refused when it returns",
        .timeLimit(.minutes(5))
    )
    func silentCut() throws {
        let laboratory = try Laboratory()
        let hosts = try makeHosts(laboratory)
        let running = try hosts.start(laboratory, arguments(laboratory, hosts, ["--insecure"]))
        defer { running.signal(SIGKILL) }
        try waitForStep(laboratory, 6)
        try hosts.call("cut", ["2"])
        #expect(waitUntil(20) { (try? laboratory.events("run", .recovered).count) == 1 })
        try hosts.call("mend", ["2"])
        // It is told that it is out, and ends; nobody asked for its return.
        #expect(waitUntil(20) { (try? hosts.agents([2])) == [] })
        let outcome = try running.wait(deadline: 120)
        let result = try check(laboratory, outcome)
        #expect(result.failures == 1 && result.samplesRepeated == 0)
        let recovery = try #require(result.recoveries.first)
        #expect(recovery.detect.value < 4)
        #expect(outcome.output.contains("--insecure: whoever sees the network"))
        let nodes = try #require(laboratory.status("run")?.nodes)
        #expect(Set(nodes.compactMap(\.name)) == ["node1", "node2", "node3"])
    }

    @Test(
        "SIGKILL to the launcher leaves no agent on any host, and the same command resumes the run",
        .timeLimit(.minutes(5))
    )
    func launcherKilled() throws {
        let laboratory = try Laboratory()
        let hosts = try makeHosts(laboratory)
        let command = arguments(laboratory, hosts, ["--checkpoint-every", "5"])
        let first = try hosts.start(laboratory, command)
        defer { first.signal(SIGKILL) }
        try waitForStep(laboratory, 8)
        #expect(try hosts.agents([1, 2, 3]).count == 6)
        first.signal(SIGKILL)
        var left: [String] = []
        let areGone = waitUntil(20) {
            left = (try? hosts.agents([1, 2, 3])) ?? ["?"]
            return left.isEmpty
        }
        #expect(areGone, "\(left)")
        let status = try laboratory.run(["status", laboratory.path("run")]).output
        #expect(status.contains("and its nodes with it"))
        #expect(status.contains("go on with: oobleck launch "))

        // One host is away meanwhile: that holds up nothing.
        try hosts.call("off", ["3"])
        let second = try hosts.start(laboratory, command)
        defer { second.signal(SIGKILL) }
        let outcome = try second.wait(deadline: 120)
        _ = try check(laboratory, outcome)
        #expect(outcome.output.contains("resuming the run in"))
        #expect(outcome.output.contains("starting with 2 of 3 hosts"))
        #expect(outcome.output.contains("node3: not reachable"))

        let third = try hosts.start(laboratory, command).wait(deadline: 60)
        #expect(third.status == 0)
        #expect(third.output.contains("is finished after 150 steps"))
        #expect(!third.output.contains("checking"))
    }

    @Test(
        "the check names each host that cannot take part, and what to do",
        .timeLimit(.minutes(5))
    )
    func preflight() throws {
        let laboratory = try Laboratory()
        let hosts = try makeHosts(laboratory)
        try "another corpus. ".write(
            toFile: hosts.folder + "/node1/data/corpus.txt",
            atomically: true,
            encoding: .utf8
        )
        // The key of node2 is that of node3.
        let path = hosts.folder + "/known_hosts"
        let keys = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let wrong =
            "node2,10.77.0.2 " + keys[2].split(separator: " ").dropFirst().joined(separator: " ")
        try (keys[0] + "\n" + wrong + "\n" + keys[2] + "\n")
            .write(toFile: path, atomically: true, encoding: .utf8)
        try hosts.call("block", ["3", "4711"])
        let command = arguments(laboratory, hosts, ["--port", "4711", "--dry-run"])
        let outcome = try hosts.start(laboratory, command).wait(deadline: 60)
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.output.contains("node1: has other data than this machine"))
        #expect(outcome.output.contains("node2: its host key is not the one that is known"))
        #expect(outcome.output.contains("node3: cannot reach the coordinator at 10.77.0.254:4711"))
        #expect(outcome.errors.contains("3 hosts cannot take part (node1, node2, node3)"))
        let widest = outcome.output.split(separator: "\n").map(\.count).max() ?? 0
        #expect(widest <= 80)
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("run")))
        let more = try hosts.start(
            laboratory,
            arguments(
                laboratory,
                hosts,
                ["--include", "node1", "--remote-program", "/opt/oobleck"]
            )
        ).wait(deadline: 60)
        #expect(more.output.contains("node1: /opt/oobleck is not there; install the same version"))
        try FileManager.default.removeItem(atPath: hosts.folder + "/id.pub")
        try "".write(toFile: hosts.folder + "/id.pub", atomically: true, encoding: .utf8)
        let closed = try hosts.start(
            laboratory,
            arguments(laboratory, hosts, ["--include", "node1"])
        ).wait(deadline: 60)
        #expect(closed.output.contains("node1: it does not let us in"))
        #expect(closed.status == 64)
    }
}
