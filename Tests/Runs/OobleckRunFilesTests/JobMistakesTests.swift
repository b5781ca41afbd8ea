import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct JobMistakesTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(_ text: String) throws -> JobSpecification {
        try JobFile.load(path: folder.write("job.yaml", text))
    }

    /// What is said of a job, without its file's folder.
    private func lines(_ text: String) -> [String] {
        let error = #expect(throws: OobleckError.self) { try load(text) }
        #expect(error?.code == .inputData)
        return ([error?.message ?? ""] + (error?.details ?? [])).map {
            $0.replacing(folder.path + "/", with: "")
        }
    }

    @Test("all mistakes are told at once, in the order of the file, each of them once")
    func all() {
        let text = """
            model: {blocks: 2, hidden: 100, heads: 6, dropout: lots}
            training:
              steps: -3
              learning_rat: 1
              warmup_steps: 2000
              seed: 1.5
            cluster:
              nodes: [3]
              detection_budget: 0
            data:
              steps: 4
            """
        #expect(
            lines(text) == [
                "job.yaml:1: model.dropout is \"lots\"; it must be a number",
                "job.yaml:1: model.hidden is 100; it must be a multiple of heads (6), such as 96 or "
                    + "102",
                "job.yaml:3: training.steps is -3; it must be at least 1",
                "job.yaml:4: unknown key learning_rat in training; did you mean learning_rate?",
                "job.yaml:6: training.seed is \"1.5\"; it must be a whole number, 0 to "
                    + "18446744073709551615",
                "job.yaml:8: cluster.nodes is a list; it must be a single value",
                "job.yaml:9: cluster.detection_budget is 0.0; it must be 0.2 to 3600 seconds",
                "job.yaml:11: unknown key steps in data; it belongs under training",
                "job.yaml: data.corpus is missing; name a UTF-8 text file, a directory of .txt "
                    + "files, or a .bin file",
            ]
        )
    }

    @Test("a key that was mistyped is not missing too")
    func mistyped() {
        #expect(
            lines("data: {corpsu: a}") == [
                "job.yaml:1: unknown key corpsu in data; did you mean corpus?"
            ]
        )
    }

    @Test("of what is no mapping nothing more is said")
    func noMapping() {
        #expect(
            lines("- a\n- b") == [
                "job.yaml:1: the job must be a mapping of keys to values, and is a list"
            ]
        )
        #expect(
            lines("data: a.txt") == [
                "job.yaml:1: data must be a mapping of keys to values, and is \"a.txt\""
            ]
        )
        #expect(lines("")[0].hasPrefix("job.yaml is empty; a job names at least data.corpus"))
        #expect(lines("# nothing\n")[0].contains("is empty"))
    }

    @Test("broken YAML is shown with line and caret")
    func caret() {
        #expect(
            lines("data:\n  corpus: a: b\n") == [
                "job.yaml:2:12: not valid YAML: mapping values are not allowed in this context",
                "  corpus: a: b", "           ^",
            ]
        )
        let open = lines("data: {corpus")
        #expect(open[0].contains("not valid YAML: did not find expected ',' or '}'"))
        #expect(open[0].contains("from line 1"))
        // The caret stands below its column where characters are wide or the line is long.
        let wide = lines("data: {corpus: 層} }")
        #expect(wide.count == 3 && wide[2].count == "data: {corpus: 層} ".count + 2)
        let long = lines("data: {corpus: \(String(repeating: "x", count: 500))} }")
        #expect(long[1].count <= 80 && long[2].last == "^")
    }

    @Test(
        "a tab is named",
        arguments: [
            ("data:\n\tcorpus: a\n", 2, "starts with a tab"),
            ("\tdata: {}\n", 1, "starts with a tab"),
            ("data:\n  corpus: a\ntraining:\n  steps: 3\n\tseed: 4\n", 5, "starts with a tab"),
            ("data:\n  corpus: a\n  \tseed: 4\n", 3, "has a tab in its indentation"),
            ("data:\r\n\tcorpus: a\r\n", 2, "starts with a tab"),
        ]
    )
    func tabs(text: String, line: Int, what: String) {
        let lines = lines(text)
        #expect(lines[0].hasPrefix("job.yaml:\(line):"), "\(lines)")
        #expect(lines[0].hasSuffix("line \(line) \(what); YAML wants spaces"), "\(lines)")
    }

    @Test("a tab that separates is fine")
    func separatingTab() throws {
        #expect(try load("data:\n  corpus:\ta\t# text\n").corpusPath.hasSuffix("/a"))
    }

    @Test("other things that are no job are named")
    func named() {
        #expect(
            lines("data: {corpus: a}\ntraining:\n  steps: 3\n  seed: 1\n  steps: 4\n")[0]
                == "job.yaml:5:3: steps stands twice, also in line 3; leave one of them out"
        )
        #expect(lines("data: {corpus: a, corpus: b}")[0].contains("corpus stands twice"))
        #expect(
            lines("data: {corpus: a}\n---\ndata: {corpus: b}\n")[0]
                == "job.yaml:2:1: a second document begins here; a job is one document"
        )
        #expect(lines("data: {corpus: *none}")[0].contains("found undefined alias"))
        #expect(lines("data: {corpus: a\u{1}}")[0].contains("control characters are not allowed"))
    }

    @Test(
        "what is no mistake is read",
        arguments: [
            "\u{FEFF}data: {corpus: a}\ncluster: {nodes: 2}\n",
            "\u{FEFF}---\r\ndata: {corpus: a}\r\ncluster:\r\n  nodes: 2\r\n",
            "---\ndata: {corpus: a}\ncluster: {nodes: 2}\n...\n",
            "%YAML 1.2\n---\ndata: {corpus: a}\ncluster: {nodes: 2}\n",
            "data: {corpus: a}\ncluster:\n  <<: {nodes: 2}\n",
            "x-two: &two {nodes: 2}\ndata: {corpus: a}\ncluster: {<<: *two, fault_tolerance: 1}\n",
            "x-two: &two {nodes: 9}\ndata: {corpus: a}\ncluster:\n  nodes: 2\n  <<: *two\n",
            "x-a: &a {nodes: 2}\nx-b: &b {nodes: 9}\ndata: {corpus: a}\ncluster: {<<: [*a, *b]}\n",
            "x-a: &a {nodes: 2}\nx-b: &b {<<: *a}\ndata: {corpus: a}\ncluster: {<<: *b}\n",
            "data: {corpus: a}\ntraining: {microbatch: &n 2}\ncluster: {nodes: *n}\n",
            "data: {corpus: a}\ncluster: {nodes: \"2\"}\n",
            "{\"data\": {\"corpus\": \"a\"}, \"cluster\": {\"nodes\": 2}}",
        ]
    )
    func accepted(text: String) throws { #expect(try load(text).cluster.nodes == 2) }

    @Test("a merge key that merges nothing is named")
    func badMerges() {
        #expect(
            lines("data: {corpus: a}\ncluster:\n  <<: 3\n")[0]
                == "job.yaml:3: << merges mappings; it must be one, or an alias of one, or a list of "
                + "them"
        )
        let unknown = lines("data: {corpus: a}\ncluster: {<<: {node: 2}}")
        #expect(unknown == ["job.yaml:2: unknown key node in cluster; did you mean nodes?"])
        let base = lines("base: &b {nodes: 2}\ndata: {corpus: a}\ncluster: {<<: *b}")
        #expect(base[0].contains("x-base for a mapping that others merge"))
        // Aliases of aliases end.
        var bomb = "x-0: &l0 {nodes: 2}\n"
        for level in 1...12 {
            let alias = "*l\(level - 1)"
            let list = Array(repeating: alias, count: 9).joined(separator: ",")
            bomb += "x-\(level): &l\(level) {<<: [\(list)]}\n"
        }
        #expect(
            lines(bomb + "data: {corpus: a}\ncluster: {<<: *l12}\n")[0].contains("more than 1000")
        )
    }

    @Test(
        "numbers are read in every usual form",
        arguments: [
            ("1e-3", 1e-3), ("1.e-3", 1e-3), (".001", 1e-3), ("1.0E-3", 1e-3), ("+0.001", 1e-3),
            ("\"1e-3\"", 1e-3), ("1_0.0", 10), ("1", 1),
        ]
    )
    func numbers(text: String, value: Double) throws {
        let job = try load("data: {corpus: a}\ntraining: {learning_rate: \(text)}")
        #expect(job.training.learningRate == value)
    }

    @Test(
        "what could be taken for another number is refused, with the right one",
        arguments: [
            ("steps: 1e3", "steps is \"1e3\"; it must be a whole number, such as 1000"),
            ("steps: \"1,000\"", "it must be a whole number, such as 1000"),
            ("steps: 010", "steps is \"010\"; write 10 without a zero in front"),
            ("steps: 0x10", "it must be a whole number"),
            ("steps: yes", "steps is \"yes\"; it must be a whole number"),
            ("learning_rate: 0x1p3", "learning_rate is \"0x1p3\"; it must be a number"),
            ("learning_rate: .nan", "it must be a number"),
            ("learning_rate: -.inf", "it must be a number"),
            ("learning_rate: no", "learning_rate is \"no\"; it must be a number"),
            ("learning_rate: {a: 1}", "learning_rate is a mapping; it must be a single value"),
            ("warmup_steps: 2000", "it must be at most 1000, as steps is"),
        ]
    )
    func wrongNumbers(text: String, expected: String) {
        let lines = lines("data: {corpus: a}\ntraining: {\(text)}")
        #expect(lines.count == 1 && lines[0].contains(expected), "\(lines)")
    }

    @Test("values of the command line are named by their options")
    func options() throws {
        var job = try load("data: {corpus: a}")
        job.training.steps = -3
        job.training.warmupSteps = 0
        let error = #expect(throws: OobleckError.self) {
            try JobFile.validate(job, options: ["training.steps": "--steps"])
        }
        #expect(error?.message == "--steps is -3; it must be at least 1")
        #expect(error?.code == .usage)
    }
}
