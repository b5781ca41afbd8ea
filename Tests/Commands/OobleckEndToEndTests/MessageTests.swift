import Foundation
import OobleckCore
import Testing

/// What people read when they mistype, on terminals of any width, and before they start a run.
@Suite(.timeLimit(.minutes(10))) struct MessageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let arguments: String
        /// What the line must say.
        let says: String

        init(_ arguments: String, _ says: String) {
            (self.arguments, self.says) = (arguments, says)
        }

        var testDescription: String { arguments }
    }

    @Test(
        "a mistake on the command line is one line that says what would be right",
        arguments: [
            Case("trian", "there is no command \"trian\"; did you mean train?"),
            Case("explain deadlnes", "did you mean deadlines?"),
            Case("help trian", "did you mean train?"),
            Case("train job.yaml --steps -3", "--steps is -3; it must be at least 1"),
            Case("train job.yaml --nodes 0", "--nodes is 0; it must be at least 1"),
            Case("train job.yaml --seed -1", "--seed is '-1'; it must be a whole number"),
            Case("train job.yaml --steps 1.5", "--steps is '1.5'; it must be a whole number"),
            Case("train job.yaml --stepz 3", "'--stepz'. Did you mean '--steps'?"),
            Case("train job.yaml --zzzzzzzzzzz", "oobleck train --help lists them"),
            Case("train job.yaml --listen eth99", "lo (127.0.0.1)"),
            Case("events r --format jsn", "it must be one of text, json; did you mean json?"),
        ]
    )
    func commandLine(_ given: Case) throws {
        let lab = try Laboratory()
        let arguments = given.arguments.split(separator: " ").map { word in
            word == "job.yaml" ? lab.path("job.yaml") : String(word)
        }
        let outcome = try lab.run(arguments)
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(given.says), "\(outcome.errors)")
    }

    @Test("help names every command that people may type")
    func help() throws {
        let lab = try Laboratory()
        let help = try lab.run(["--help"]).output
        for command in ["train", "agent", "add", "drain", "events", "export", "explain"] {
            #expect(help.contains("\n  \(command) "), "\(help)")
        }
    }

    @Test("a dry run tells plan, times and guarantee, and leaves nothing behind")
    func dryRun() throws {
        let lab = try Laboratory()
        let before = try FileManager.default.contentsOfDirectory(atPath: lab.folder)
        let outcome = try lab.train("dry", ["--dry-run"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("any 1 of 6 nodes may be lost at once; least nodes 2"))
        #expect(outcome.output.contains("16 samples in 8 microbatches"), "\(outcome.output)")
        let json = try lab.train("dry", ["--dry-run", "--format", "json"])
        let report =
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(report?["survivable_losses"] as? Int == 1)
        #expect((report?["nodes"] as? [Any])?.count == 6)
        #expect(report?["profile"] as? String == lab.path("profile.json"))
        let after = try FileManager.default.contentsOfDirectory(atPath: lab.folder)
        // Each command has a file for its output and one for its errors.
        #expect(after.count == before.count + 4, "\(after)")
        #expect(!after.contains("dry"))
    }

    @Test("on a narrow terminal no line of a run is wider than it", arguments: [UInt16(24), 40])
    func narrow(columns: UInt16) throws {
        let lab = try Laboratory()
        let run = try TerminalRun(
            Laboratory.programs + "/oobleck",
            lab.trainArguments("narrow"),
            columns: columns
        )
        #expect(run.end(within: 120) == 0, "\(run.output)")
        // Words that cannot be broken are longer.
        let lines = Self.pieces(run.output)
        for line in lines where line.hasPrefix("step ") { #expect(line.count < columns, "\(line)") }
        for line in lines where line.split(separator: " ").allSatisfy({ $0.count < columns / 2 }) {
            #expect(line.count < columns, "\(line)")
        }
    }

    /// What is written between moves of the cursor.
    private static func pieces(_ text: String) -> [Substring] {
        text.replacing(/\u{1B}\[[0-9;]*[A-Za-z]/, with: "\r").split { $0.isNewline || $0 == "\r" }
    }

    @Test("two live lines follow the width of the terminal, with a bar and the time that is left")
    func live() throws {
        let lab = try Laboratory()
        let run = try TerminalRun(
            Laboratory.programs + "/oobleck",
            lab.trainArguments("live", ["--steps", "100000", "--no-report"]),
            environment: ["LC_ALL": "C.UTF-8"],
            columns: 100
        )
        defer { run.signal(SIGKILL) }
        let isShown = waitUntil(60) {
            let pieces = Self.pieces(run.output)
            return pieces.contains { $0.hasPrefix("\u{2591}") && $0.contains("ETA ") }
                && pieces.contains { $0.hasPrefix("loss ") && $0.contains("  lr ") }
        }
        try #require(isShown, "\(run.output)")
        for columns in [UInt16(20), 40, 200] {
            run.resize(columns)
            // What is written now may be of the width before.
            let step = lab.status("live")?.step ?? 0
            #expect(waitUntil(20) { lab.status("live")?.step ?? 0 > step + 5 })
            let start = run.output.count
            #expect(waitUntil(20) { Self.pieces(String(run.output.dropFirst(start))).count > 6 })
            let pieces = Self.pieces(String(run.output.dropFirst(start))).dropFirst().dropLast()
            for piece in pieces { #expect(piece.count < columns, "\(piece)") }
            #expect(pieces.contains { $0.contains("step ") }, "\(pieces)")
        }
        run.type("\u{3}")
        #expect(run.end(within: 20) == 75, "\(run.output)")
    }
}
