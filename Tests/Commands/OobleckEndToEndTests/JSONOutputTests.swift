import Foundation
import OobleckCore
import OobleckTestSupport
import Testing

/// `--format json` of every command.
@Suite("What programs read", .serialized, .timeLimit(.minutes(5)))
struct JSONOutputTests {
    /// As `--experimental-dump-help` of the parser tells of commands.
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable { let name: String }
            let names: [Name]?
        }

        let commandName: String
        let subcommands: [Command]?
        let arguments: [Argument]?

        /// All commands that do something, by their words.
        func leaves(_ words: [String] = []) -> [(words: [String], options: Set<String>)] {
            let subcommands = (subcommands ?? []).filter { $0.commandName != "help" }
            guard subcommands.isEmpty else {
                return subcommands.flatMap { $0.leaves(words + [$0.commandName]) }
            }
            return [(words, Set((arguments ?? []).flatMap { $0.names ?? [] }.map(\.name)))]
        }
    }

    private struct Dump: Decodable { let command: Command }

    /// Commands whose options the parser does not know, and why.
    private static let others = [
        "remote": "it speaks lines of JSON with launch alone",
        "tokenize": "its options are those of the Python package: checked below",
        "columns": "its options are those of the Python package: checked below",
    ]

    @Test("every command has --format")
    func walk() throws {
        let laboratory = try Laboratory()
        let dump = try laboratory.run(["--experimental-dump-help"])
        try #require(dump.status == 0, "\(dump.errors)")
        let help = try JSONDecoder().decode(Dump.self, from: Data(dump.output.utf8))
        let commands = help.command.leaves()
        #expect(commands.count > 30, "the walk found too little")
        for command in commands where Self.others[command.words[0]] == nil {
            #expect(command.options.contains("format"), "oobleck \(command.words)")
        }
        guard PythonTools.areThere else {
            print("no Python with torch: the options of tokenize and columns are not checked")
            return
        }
        for name in ["tokenize", "columns"] {
            let help = PythonTools.run(["-m", "oobleck", name, "--help"])
            #expect(help.output.contains("--format {text,json}"), "\(help.output)")
        }
    }

    private static func document(_ outcome: Laboratory.Outcome) throws -> [String: Any] {
        try #require(outcome.status == 0, "\(outcome.errors)")
        let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return try #require(value as? [String: Any], "\(outcome.output)")
    }

    @Test("a run prints one document; so does each command about it, and streams print one a line")
    func run() throws {
        let laboratory = try Laboratory()
        let json = ["--format", "json"]
        let fault = ["--fault", "node=2,point=mid-forward,step=4,target=worker"]
        let trained = try laboratory.train("run", json + fault)
        let run = try Self.document(trained)
        let result = try #require(run["result"] as? [String: Any])
        #expect(run["directory"] as? String == laboratory.path("run"))
        #expect(
            result["state_sha256"] as? String == (try laboratory.result("run").stateSHA256)
        )
        #expect(trained.errors.contains("recovered:"), "progress is on standard error")
        let again = try laboratory.train("run", json + ["--continue"])
        #expect(try Self.document(again)["result"] != nil)
        let path = laboratory.path("run")
        for words in [
            ["report", path], ["trace", path], ["status", path], ["verify", path],
            ["explain", "deadlines", laboratory.path("job.yaml")],
            ["runs", "compare", path, path], ["agent", "--run-dir", path],
            ["slurm", laboratory.path("job.yaml"), "--dry-run"],
            ["train", laboratory.path("job.yaml"), "--profile", laboratory.path("profile.json")]
                + ["--run-dir", laboratory.path("dry"), "--dry-run"],
            ["drill", "--simulate", "2"], ["drill", "--replay", "0"],
            ["drill", "--every-order", "1"],
        ] {
            let outcome = try laboratory.run(words + json)
            #expect(throws: Never.self, "\(words): \(outcome.output.prefix(300))") {
                try Self.document(outcome)
            }
        }
        for words in [["logs", path], ["events", path]] {
            let lines = try laboratory.run(words + json).output.split(separator: "\n")
            #expect(!lines.isEmpty)
            for line in lines {
                let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
                #expect(value is [String: Any], "\(words): \(line)")
            }
        }
        let removed = try laboratory.run(["runs", "remove", "--yes", path] + json)
        #expect(try Self.document(removed)["removed"] as? [String] == [path])
    }

    @Test("the demonstration proves itself in one document")
    func demo() throws {
        let laboratory = try Laboratory()
        let arguments = ["demo", "--run-dir", laboratory.path("demo"), "--format", "json"]
        let proof = try Self.document(laboratory.run(arguments + ["--steps", "12"]))
        #expect(proof["proven"] as? Bool == true, "\(proof)")
        #expect((proof["failures"] as? [String]) == [])
    }

    @Test("the dashboard tells its link as one document, and serves")
    func dashboard() throws {
        let laboratory = try Laboratory()
        let dashboard = try laboratory.start(["dashboard", laboratory.folder, "--format", "json"])
        defer { dashboard.signal(SIGKILL) }
        try #require(waitUntil(30) { dashboard.output.contains("}\n") })
        let said = try JSONSerialization.jsonObject(with: Data(dashboard.output.utf8))
        let link = try #require((said as? [String: Any])?["link"] as? String)
        #expect(link.hasPrefix("http://127.0.0.1:"))
    }
}
