import OobleckCore
import OobleckLaunch
import Testing

@Suite("The check of hosts", .timeLimit(.minutes(5)))
struct HostReportTests {
    private let standard = HostStandard(
        dataDigest: String(repeating: "a", count: 64),
        coordinator: HostPort(host: "10.0.0.1", port: 4711),
        torch: "2.13.0",
        checkpointsPath: "/shared/run/checkpoints"
    )

    private func good(_ name: String, boot: String = "") -> HostReport {
        var report = HostReport(HostEntry(name: name))
        report.greeting = RemoteGreeting(
            version: programVersion,
            pid: 1,
            hostName: name,
            bootID: boot.isEmpty ? name : boot
        )
        var facts = HostFacts(cores: 4)
        (facts.torch, facts.address, facts.port) = ("2.13.0", "10.0.0.7", 40_000)
        facts.dataDigest = standard.dataDigest
        facts.sharesCheckpoints = true
        report.facts = facts
        report.clockOffset = 0.01
        return report
    }

    private func texts(_ change: (inout HostReport) -> Void) -> [String] {
        var report = good("node1")
        change(&report)
        return report.problems(standard).map { "\($0.weight): \($0.text)" }
    }

    @Test("a host as it should be has no problems", .timeLimit(.minutes(5)))
    func fine() { #expect(texts { _ in } == []) }

    @Test("each failure says what is wrong and what to do", .timeLimit(.minutes(5)))
    func failures() {
        #expect(
            texts { $0.trouble = .version("0.0.1") } == [
                "failure: its oobleck is version 0.0.1, this one is \(programVersion); install the same "
                    + "on both"
            ]
        )
        #expect(
            texts { $0.facts?.torch = "2.12.0" } == [
                "failure: has torch 2.12.0, the others have 2.13.0; install the same on all"
            ]
        )
        expect("failure: has other data than") { $0.facts?.dataDigest = "bb" }
        expect("failure: cannot read the data: /c is not there; copy the job's files to the same") {
            $0.facts?.dataTrouble = "/c is not there"
        }
        expect("failure: cannot reach the coordinator at 10.0.0.1:4711 (Connection refused); let") {
            $0.facts?.coordinatorTrouble = "Connection refused"
        }
        expect("failure: cannot be reached at 10.0.0.7 (no answer within 3 s)") {
            $0.launcherTrouble = "no answer within 3 s"
        }
        expect("failure: cannot reach host node2 (No route to host)") {
            $0.peerTroubles = ["node2": "No route to host"]
        }
        expect("failure: its clock is 4000 s behind; set it (NTP)") { $0.clockOffset = -4000 }
        expect("note: its clock is 30 s ahead; set it (NTP)") { $0.clockOffset = 30 }
        expect("note: does not see") { $0.facts?.sharesCheckpoints = false }
        expect("absent: was not checked in time") { $0.facts = nil }
        expect("absent: did not answer within 10 s") { $0.trouble = .silent(10) }
    }

    /// The one problem of a host with this change begins like that.
    private func expect(_ start: String, _ change: (inout HostReport) -> Void) {
        let problems = texts(change)
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix(start) == true, "\(problems)")
    }

    @Test("the table fits 80 columns and has a line for each problem", .timeLimit(.minutes(5)))
    func table() {
        let failure = SSHFailure(
            status: 255,
            errors: "ssh: connect to host node2 port 22: Connection refused",
            program: "oobleck",
            host: HostEntry(name: "node2")
        )
        var dead = HostReport(HostEntry(name: "node2.cluster", slots: [0, 1]))
        dead.trouble = .connection(failure)
        var late = good("node3")
        late.clockOffset = 12
        let lines = HostTable([good("node1"), dead, late], standard).lines(limit: 80)
        #expect(lines.allSatisfy { $0.split(separator: "\n").allSatisfy { $0.count <= 80 } })
        #expect(
            lines[0].split(separator: " ").map(String.init) == [
                "host", "nodes", "address", "ssh", "torch", "clock", "data", "ports",
            ]
        )
        #expect(lines[1].hasSuffix("10.0.0.7  ok         2.13.0   +0.01 s  ok    ok"))
        #expect(lines[2].contains("no answer"))
        #expect(lines.contains { $0.hasPrefix("node2.cluster: not reachable (ssh: connect") })
        #expect(lines.contains("note: node3: its clock is 12 s ahead; set it (NTP)"))
    }

    @Test("hosts that are one machine are found by its start", .timeLimit(.minutes(5)))
    func neighbours() {
        let reports = [good("a", boot: "x"), good("b", boot: "y"), good("c", boot: "x"), good("d")]
        #expect(HostTable.crowded(reports) == [["a", "c"]])
        #expect(HostStandard.usualTorch(reports) == "2.13.0")
        #expect(HostStandard.usualTorch([]) == nil)
    }
}
