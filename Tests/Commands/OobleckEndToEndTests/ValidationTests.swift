import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("Losses of validation data", .serialized, .timeLimit(.minutes(10)))
struct ValidationTests {
    /// Samples of 64 tokens that no run trains on.
    private func writeData(_ lab: Laboratory, samples: Int = 40) throws {
        let text = (0..<samples * 3).map { "other \($0 * 104_729 % 9973) of the text.\n" }.joined()
        let whole = String(text.prefix(64 * samples + 1))
        try whole.write(toFile: lab.path("other.txt"), atomically: true, encoding: .utf8)
    }

    private static func options(_ lab: Laboratory, batches: Int = 2) -> [String] {
        [
            "data.validation=\(lab.path("other.txt"))", "evaluate.every=3",
            "evaluate.batches=\(batches)",
        ]
        .flatMap { ["--set", $0] }
    }

    private func evaluations(_ lab: Laboratory, _ name: String) throws -> [RecordedEvaluation] {
        let text = try String(contentsOfFile: lab.path(name + "/ledger.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").compactMap { line in
            let entry = try JSONDecoder().decode(LedgerLine.self, from: Data(line.utf8)).entry
            guard case .evaluation(var recorded) = entry else { return nil }
            recorded.generation = 0
            return recorded
        }
    }

    @Test("they are the same under every failure, and change no state")
    func exact() throws {
        let lab = try Laboratory()
        try writeData(lab)
        let reference = try lab.train("reference", Self.options(lab) + ["--reference"])
        try #require(reference.status == 0, "\(reference.errors)")
        let expected = try evaluations(lab, "reference")
        #expect(expected.map(\.step) == [0, 3, 6, 8])
        #expect(expected.allSatisfy { $0.samples == 32 && $0.loss > 0 })
        #expect(Set(expected.map(\.loss)).count == 4)
        let faults = [
            "node=5,point=mid-evaluation,step=3", "node=1,point=mid-forward,step=4,target=node",
            "coordinator,point=mid-commit,step=6",
            "node=3,point=mid-evaluation,step=8,target=agent",
        ]
        let run = try lab.train(
            "faults",
            Self.options(lab) + faults.flatMap { ["--fault", $0] } + ["--supervise"]
        )
        try #require(run.status == 0, "\(run.errors)")
        #expect(try evaluations(lab, "faults") == expected)
        let result = try lab.result("faults")
        #expect(result.failures == 3)
        #expect(result.validationLoss == expected.last?.loss)
        #expect(run.output.contains("validation loss"))
        let plain = try lab.train("plain", [])
        try #require(plain.status == 0, "\(plain.errors)")
        for other in ["reference", "plain"] {
            #expect(try lab.result(other).stateSHA256 == result.stateSHA256)
        }
        let verified = try lab.run(["verify", lab.path("faults")])
        #expect(verified.status == 0 && verified.output.contains("evaluated    4 states"))
    }

    @Test(
        "a run that is resumed makes up for the evaluation before which it died, and repeats none",
        arguments: ["after-record,step=2", "mid-evaluation,step=3", "after-evaluation,step=3"]
    )
    func resumed(point: String) throws {
        let lab = try Laboratory()
        try writeData(lab)
        let reference = try lab.train("reference", Self.options(lab) + ["--reference"])
        try #require(reference.status == 0, "\(reference.errors)")
        let fault = ["--fault", "coordinator,point=\(point)"]
        let died = try lab.train("run", Self.options(lab) + fault)
        #expect(died.status != 0)
        let isKept = point.hasPrefix("after-evaluation")
        #expect(try evaluations(lab, "run").map(\.step) == (isKept ? [0, 3] : [0]))
        let resumed = try lab.run(["train", "--resume", lab.path("run")])
        try #require(resumed.status == 0, "\(resumed.errors)")
        #expect(try evaluations(lab, "run") == evaluations(lab, "reference"))
        #expect(try lab.result("run").stateSHA256 == lab.result("reference").stateSHA256)
        #expect(try lab.run(["verify", lab.path("run")]).status == 0)
        guard !isKept else { return }
        let metrics = try String(contentsOfFile: lab.path("run/metrics.jsonl"), encoding: .utf8)
        let line = metrics.split(separator: "\n").first { $0.contains("\"step\":3,") }
        #expect(line?.contains("\"validation_loss\":") == true, "\(metrics)")
        #expect(line?.contains("\"loss\":") == true)
    }

    @Test("a run that is extended beyond its steps evaluates what is new")
    func extended() throws {
        let lab = try Laboratory()
        try writeData(lab)
        let options = Self.options(lab, batches: 1)
        let first = try lab.train("run", options)
        try #require(first.status == 0, "\(first.errors)")
        let more = try lab.run(["train", "--resume", lab.path("run"), "--steps", "11"])
        try #require(more.status == 0, "\(more.errors)")
        #expect(try evaluations(lab, "run").map(\.step) == [0, 3, 6, 8, 9, 11])
        let verified = try lab.run(["verify", lab.path("run")])
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test("data that do not fit are refused before anything starts")
    func refused() throws {
        let lab = try Laboratory()
        try writeData(lab, samples: 20)
        let few = try lab.train("few", Self.options(lab))
        #expect(few.status == 65)
        #expect(few.errors.contains("has 20 samples to evaluate, and 2 batches of"))
        let missing = try lab.train("missing", ["--set", "data.validation=nowhere.txt"])
        #expect(missing.status == 65 && missing.errors.contains("nowhere.txt"))
        let lone = try lab.train("lone", ["--set", "evaluate.every=3"])
        #expect(lone.status == 65 || lone.status == 64)
        #expect(lone.errors.contains("data.validation is missing; evaluate takes data"))
        let ids = lab.path("ids.bin")
        let bytes = [[UInt8]](repeating: [44, 1], count: 4000).joined()
        try Data(bytes).write(to: URL(fileURLWithPath: ids))
        let token = try lab.train("token", ["--set", "data.validation=\(ids)"])
        #expect(token.status == 65)
        let place = "\(ids): token 300 at offset 0 is outside the vocabulary of 256"
        #expect(token.errors.contains(place), "\(token.errors)")
        let never = try lab.train("never", Self.options(lab) + ["--set", "evaluate.every=0"])
        #expect(never.status == 64 || never.status == 65)
        #expect(never.errors.contains("evaluate.every is 0; it must be at least 1"))
        for name in ["few", "missing", "lone", "token", "never"] {
            #expect(!FileManager.default.fileExists(atPath: lab.path(name)))
        }
    }

    @Test(
        "imported models count the targets of the validation data",
        .enabled(if: PythonTools.areThere)
    )
    func imported() throws {
        let lab = try Laboratory()
        try writeData(lab)
        let source = lab.path("source")
        try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
        try #"""
        {"architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_size": 32,
         "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
         "max_position_embeddings": 64, "vocab_size": 257, "attention_probs_dropout_prob": 0.1}
        """#.write(toFile: source + "/config.json", atomically: true, encoding: .utf8)
        let made = try lab.run([
            "import", source, "--to", lab.path("bert"), "--sequence", "64", "--microbatch", "2",
        ])
        try #require(made.status == 0, "\(made.errors)")
        try """
        model: {import: bert}
        data: {corpus: corpus.txt, validation: other.txt, mask_token: 256}
        evaluate: {every: 2}
        training: {steps: 4, seed: 5, global_batch: 16}
        cluster: {nodes: 4, fault_tolerance: 1}
        """.write(toFile: lab.path("bert.yaml"), atomically: true, encoding: .utf8)
        for (name, more) in [
            ("reference", ["--reference"]),
            ("kill", ["--fault", "node=1,point=mid-evaluation,step=2"]),
        ] {
            let run = try lab.run(
                ["train", lab.path("bert.yaml"), "--run-dir", lab.path(name)] + more
            )
            try #require(run.status == 0, "\(run.errors)")
        }
        let expected = try evaluations(lab, "reference")
        #expect(expected.map(\.step) == [0, 2, 4])
        // About 15 % of 64 tokens of each of 32 samples; the masks are the same each time.
        #expect(expected.allSatisfy { (200..<420).contains($0.targets ?? 0) })
        #expect(Set(expected.map(\.targets)).count == 1)
        #expect(try evaluations(lab, "kill") == expected)
        #expect(try lab.result("kill").stateSHA256 == lab.result("reference").stateSHA256)
    }
}
