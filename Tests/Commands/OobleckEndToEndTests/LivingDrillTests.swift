import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// `oobleck drill --run`: a run that somebody else started is hit from outside.
@Suite("A drill on a run of one's own", .serialized, .timeLimit(.minutes(10)))
struct LivingDrillTests {
    private static let steps = ["--steps", "300"]

    @Test("a run that is hit through the user's own words ends with the undisturbed run's state")
    func drill() throws {
        let laboratory = try Laboratory()
        let reference = try laboratory.train("reference", ["--reference"] + Self.steps)
        try #require(reference.status == 0, "\(reference.errors)")
        let state = try laboratory.result("reference").stateSHA256
        // Notes what it is asked to do, and for whom, and does it.
        let words = laboratory.path("through.sh")
        let script = "#!/bin/sh\necho \"$@\" >> '\(laboratory.path("asked"))'\nshift\nexec \"$@\"\n"
        try script.write(toFile: words, atomically: true, encoding: .utf8)
        chmod(words, 0o755)

        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--nodes", "8"] + Self.steps)
        )
        defer { running.signal(SIGINT) }
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 >= 2 })
        let host = try #require(laboratory.status("run")?.nodes.first?.name)
        let drill = try laboratory.run([
            "drill", "--run", laboratory.path("run"), "--repeats", "1", "--seed", "4",
            "--faults", "kill-node,stop-agent,drain-node,kill-two-at-once",
            "--through", words + " {host}", "--expect", state,
            "--report", laboratory.path("report"),
        ])
        #expect(drill.status == 0, "\(drill.output) \(drill.errors)")
        let shown = drill.output + drill.errors
        #expect(shown.contains("kill-two-at-once            skipped: the run survives 1 at once"))
        #expect(shown.contains("3 passed, 0 failed, 1 skipped"), "\(shown)")
        try #require(running.wait(deadline: 60).status == 0)
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == state)
        #expect(result.failures == 2)
        #expect(try laboratory.events("run", .nodeLost).count == 2)
        let asked = try String(contentsOfFile: laboratory.path("asked"), encoding: .utf8)
        let machine = host.split(separator: "/")[0]
        for signal in ["-KILL", "-STOP"] {
            #expect(asked.contains("\(machine) kill \(signal) "), "\(asked)")
        }
        #expect(try RunVerifier.verify(laboratory.path("run")).isIntact)
    }

    @Test("what cannot be is refused in one line")
    func refusals() throws {
        let laboratory = try Laboratory()
        let finished = try laboratory.train("run", ["--reference", "--steps", "2"])
        try #require(finished.status == 0, "\(finished.errors)")
        let run = ["drill", "--run", laboratory.path("run")]
        let cases: [([String], Int32, String)] = [
            (["drill", "--run", laboratory.path("none")], 65, "is not a run directory"),
            (run + ["--through", "ssh"], 64, "must say where {host} or {node} goes"),
            (
                run + ["--faults", "jitter"], 64,
                "what can be done to a run of yours is kill-worker"
            ),
            (["drill", "--expect", "12"], 64, "--through and --expect go with --run"),
        ]
        for (arguments, status, words) in cases {
            let outcome = try laboratory.run(arguments)
            #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
    }
}
