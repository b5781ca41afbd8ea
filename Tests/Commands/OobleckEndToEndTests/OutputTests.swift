import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// Output that cannot be written, or that nobody reads.
@Suite("Output", .serialized, .timeLimit(.minutes(10)))
struct OutputTests {
    private static let program = Laboratory.programs + "/oobleck"

    /// Runs a line of shell, in which `$O` is the program.
    private func shell(_ line: String, in folder: String) throws -> Laboratory.Outcome {
        let running = try Running(
            "/bin/sh",
            ["-c", "cd '\(folder)' || exit 1; \(line)"],
            folder: folder,
            environment: ["O": Self.program, "SWIFT_BACKTRACE": "enable=no"]
        )
        return try running.wait(deadline: 60)
    }

    @Test("a terminal that stands still and a pipe that nobody reads hold up no run")
    func blocked() throws {
        let laboratory = try Laboratory()
        let arguments = laboratory.trainArguments("run", ["--nodes", "4", "--steps", "30"])
        let run = try TerminalRun(Self.program, arguments, isRead: false)
        run.type("\u{13}")
        #expect(run.end(within: 60) == 0)
        #expect(try laboratory.result("run").steps == 30)
        #expect(try laboratory.events("run", .nodeLost).isEmpty)

        let line =
            laboratory.trainArguments("piped", ["--nodes", "4", "--steps", "30"])
            .joined(separator: " ")
        // The reader holds its end open, and takes nothing.
        let outcome = try shell(
            "mkfifo pipe; sleep 60 <pipe & exec 3>pipe; timeout 2 head -c 2000000 /dev/zero >&3; "
                + "$O \(line) >&3 2>&3; echo rc=$?; kill $!",
            in: laboratory.folder
        )
        #expect(outcome.output.contains("rc=0"), "\(outcome.output) \(outcome.errors)")
        #expect(try laboratory.events("piped", .nodeLost).isEmpty)

        try results(of: laboratory)
    }

    /// Commands that print results, on a disk that is full.
    private func results(of laboratory: Laboratory) throws {
        let profile = laboratory.path("profile.json")
        let (run, job) = (laboratory.path("run"), laboratory.path("job.yaml"))
        let plan = "plan --profile \(profile) --nodes 6"
        let commands = [
            plan, plan + " --format json", plan + " --certify",
            "--help", "plan --help", "--version",
            "verify \(run)", "verify \(run) --format json", "status \(run)",
            "status \(run) --format json", "events \(run)", "explain deadlines \(run)",
            "explain deadlines \(job) --format json", "drill --replay 1",
            "replan --plan \(run)/plan.json --lose 1",
            "simulate --model GPT-2 --nodes 8 --days 1 --mtbf-hours 5 --trials 1",
        ]
        for command in commands {
            let outcome = try shell("$O \(command) >/dev/full", in: laboratory.folder)
            #expect(outcome.status == 74, "\(command): \(outcome.status) \(outcome.errors)")
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains("No space left"), "\(outcome.errors)")
        }
        let both = try shell("$O verify \(run) >/dev/full 2>/dev/full", in: laboratory.folder)
        #expect(both.status == 74)
        let closed = try shell("$O verify \(run) >&-", in: laboratory.folder)
        #expect(closed.status == 74 && closed.errors.contains("standard output is closed"))
        // A reader that left early is no failure.
        let left = try shell(
            "($O events \(run); echo rc=$? >&2) | head -n 1",
            in: laboratory.folder
        )
        #expect(left.errors == "rc=0\n" && left.output.split(separator: "\n").count == 1)
    }

    @Test(
        "when the complaint cannot be written, the exit status still tells",
        arguments: ["2>/dev/full", "2>&-", "2>&1 | true", "0<&- 2>&- >&-"]
    )
    func complaints(redirection: String) throws {
        let folder = try Laboratory()
        let line = "($O verify /nosuch; echo $? >status) \(redirection)"
        _ = try shell(line, in: folder.folder)
        let status = try String(contentsOfFile: folder.path("status"), encoding: .utf8)
        #expect(status == "65\n")
    }
}
