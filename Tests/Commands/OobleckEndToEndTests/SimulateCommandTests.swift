import Foundation
import OobleckCore
import Testing

/// What `oobleck simulate` and `oobleck figures` say to input that makes no sense: one line, the right
/// status, and no result.
@Suite(.timeLimit(.minutes(10))) struct SimulateCommandTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let arguments: String
        let status: Int32
        /// What the line must say.
        let says: [String]

        init(_ arguments: String, _ status: Int32, _ says: String...) {
            self.arguments = arguments
            self.status = status
            self.says = says
        }

        var testDescription: String { arguments }
    }

    private static let traces = [
        "unsorted": "0,add,a\n5000,add,b\n3000,remove,a\n",
        "malformed": "0,add,a\nhello\n",
        "negative": "0,add,a\n-5,add,b\n",
        "stranger": "0,add,a\n100,remove,zz\n",
        "few": "0,add,a\n1000,add,b\n1000000,remove,a\n",
        "empty": "",
        "still": "0,8\n",
        "seconds": "0,add,a\n600,add,b\n1200,remove,a\n",
    ]

    private static let cases = [
        Case("--model GPT-3-6.7b --trace unsorted", 65, "line 3", "3000", "5000", "sort"),
        Case("--model GPT-3-6.7b --trace malformed", 65, "line 2", "hello", "expected"),
        Case("--model GPT-3-6.7b --trace negative", 65, "line 2", "-5"),
        Case("--model GPT-3-6.7b --trace stranger", 65, "line 2", "zz", "not there"),
        Case("--model GPT-3-6.7b --trace empty", 65, "no events"),
        Case("--model GPT-3-6.7b --trace missing", 65, "cannot read", "missing"),
        Case("--model GPT-3-6.7b --trace few", 69, "at least 3 nodes", "2 given"),
        Case("--model GPT-2 --trace still", 65, "lasts 0 s", "later than it starts"),
        Case("--paper-compatible --model GPT-2 --trace few", 65, "12 nodes"),
        Case("--paper-compatible --model GPT-2 --trace unsorted", 65, "line 3", "5000"),
        Case("--paper-compatible --model GPT-9 --trace few", 64, "GPT-9", "BERT-large"),
        Case("--paper-compatible --model GPT-2 --policy recycle --trace few", 64, "recycle"),
        Case("--model GPT-9 --nodes 4", 64, "GPT-9", "BERT-large"),
        Case("--model GPT-2 --nodes 4 --policy luck", 64, "luck", "oobleck"),
        Case("--model GPT-2 --nodes 4 --trials 0", 64, "trials are 0", "at least 1"),
        Case("--model GPT-2 --nodes 4 --trials 99999999999", 64, "trials are 99", "at most 100000"),
        Case("--model GPT-2 --nodes 0", 64, "node count is 0"),
        Case("--model GPT-2 --nodes 4 --days -2", 64, "more than 0"),
        Case("--model GPT-2 --nodes 4 --mtbf-hours -1", 64, "mean time between failures"),
        Case("--model GPT-2 --nodes 4 --notice -5", 64, "notice is -5"),
        Case("--model GPT-2 --nodes 4 --backup-seconds 0", 64, "between backups are 0"),
        Case("--model GPT-2 --nodes 4 --rebuild -1", 64, "rebuild time is -1"),
        Case("--model GPT-3-175b --nodes 2", 69, "at least 5 nodes", "2 given"),
        Case("--model GPT-2", 64, "--trace", "--nodes"),
        Case("--model GPT-2 --trace few --days 3", 64, "--days has no effect beside --trace"),
        Case("--model GPT-2 --nodes 4 --startup 3", 64, "--startup has no effect without --trace"),
        Case(
            "--model GPT-2 --nodes 4 --repair-hours 3 --hang-share 0.1",
            64,
            "--hang-share and --repair-hours have no effect without --mtbf-hours"
        ),
        Case("--model GPT-2 --nodes 4 --mtbf-hours 9 --group-size 2", 64, "--group-mtbf-hours"),
        Case("--model GPT-2 --nodes 4 --mtbf-hours 9 --slow-factor 2", 64, "--slow-share"),
        Case("--paper-compatible --model GPT-2 --trace few --price 2", 64, "--price has no effect"),
        Case("--model GPT-2 --trace seconds", 65, "lasts 1.2 s", "unit seconds"),
        Case("--model GPT-2 --trace few --trace-unit fortnights", 64, "fortnights", "seconds"),
    ]

    @Test(
        "input that makes no sense is one line, the right status, and no result",
        arguments: cases
    )
    func refused(_ given: Case) throws {
        let lab = try Laboratory()
        for (name, text) in Self.traces {
            try text.write(toFile: lab.path(name), atomically: true, encoding: .utf8)
        }
        var arguments = given.arguments.split(separator: " ").map(String.init)
        if let index = arguments.firstIndex(of: "--trace") {
            arguments[index + 1] = lab.path(arguments[index + 1])
        }
        let outcome = try lab.run(["simulate"] + arguments)
        #expect(outcome.status == given.status, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        for words in given.says {
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
        }
    }

    @Test("columns of the report never run into each other, and a ratio is never without its terms")
    func report() throws {
        let lab = try Laboratory()
        // So rare are the failures that the interval is of a millionth.
        let world = [
            "simulate", "--model", "GPT-3-2.7b", "--nodes", "30", "--days", "1", "--trials", "8",
            "--mtbf-hours", "1000", "--repair-hours", "0.3333",
            "--policy", "oobleck,checkpoint-async,zero-cost",
        ]
        let text = try lab.run(world).output
        for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        for policy in ["oobleck", "checkpoint-async", "zero-cost"] {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(policy) })
            let fields = line.split(separator: " ").dropFirst().compactMap { Double($0) }
            // Samples a second, margin, hours useful, lost and all; a time with its unit, samples
            // and dollars follow.
            #expect(fields.count >= 5, "\(line)")
            #expect(abs(fields[4] - 720) < 5 && fields[2] <= fields[4], "\(line)")
        }
        // The level of the interval and of five quantiles: no share, which would need its terms.
        #expect(text.components(separatedBy: "%").count == 2 + 5)
        let json = try lab.run(world + ["--format", "json"]).output
        let report = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        let rows = try #require(report?["policies"] as? [[String: Any]])
        #expect(rows.count == 3)
        for row in rows {
            func mean(_ name: String) throws -> Double {
                try #require((row[name] as? [String: Double])?["mean"], "\(name)")
            }
            let seconds = try #require(row["node_seconds"] as? [String: Double])
            let (total, useful) = (seconds["total"] ?? .nan, seconds["useful"] ?? .nan)
            #expect(abs((seconds.values.reduce(0, +) - total) / total - 1) < 1e-12)
            #expect(abs(try mean("effective_time_ratio") / (useful / total) - 1) < 1e-3)
            let price = try mean("samples") / mean("dollars")
            #expect(abs(try mean("samples_per_dollar") / price - 1) < 1e-3)
        }
    }

    @Test("the report says how times were read, that there are no failures, and what has no effect")
    func notes() throws {
        let lab = try Laboratory()
        let trace = lab.path("trace.csv")
        try "1669852800,4\n1669853400,3\n1669854000,4\n"
            .write(toFile: trace, atomically: true, encoding: .utf8)
        let read = try lab.run(["simulate", "--model", "GPT-2", "--trace", trace, "--seed", "2"])
        let lines = read.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0].contains("0.01 days"))
        #expect(lines[1] == "times read as epoch seconds; 3 lines over 0.01 days")
        let row = lines.first { $0.hasPrefix("oobleck ") }
        #expect(row?.contains(" 6.827 ") == true)
        #expect(read.errors.contains("--seed has no effect beside --trace"))
        let quiet = try lab.run([
            "simulate", "--model", "GPT-2", "--nodes", "4", "--days", "1", "--reserve", "2",
        ])
        #expect(quiet.output.contains("\nno failures: neither --mtbf-hours"))
        #expect(quiet.errors.contains("--reserve has no effect without policy hot-spares"))
    }

    @Test("figures of a broken trace, or to where no folder can be, leave no file")
    func noFigures() throws {
        let lab = try Laboratory()
        try FileManager.default.createDirectory(
            atPath: lab.path("traces"),
            withIntermediateDirectories: true
        )
        let unsorted = try #require(Self.traces["unsorted"])
        try unsorted.write(toFile: lab.path("traces/6h.csv"), atomically: true, encoding: .utf8)
        let figures = ["figures", "--paper-only", "--output"]
        let broken = try lab.run(figures + [lab.path("out"), "--traces", lab.path("traces")])
        #expect(broken.status == 65)
        #expect(broken.errors.contains("6h.csv, line 3"))
        #expect(!FileManager.default.fileExists(atPath: lab.path("out")))
        let file = try lab.run(figures + [lab.path("traces/6h.csv")])
        #expect(file.status == 74)
        #expect(file.errors.split(separator: "\n").count == 1, "\(file.errors)")
        #expect(file.errors.contains("is a file; give the name of a folder"))
        let text = try String(contentsOfFile: lab.path("traces/6h.csv"), encoding: .utf8)
        #expect(text == unsorted)
    }
}
