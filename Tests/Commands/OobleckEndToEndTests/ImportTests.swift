import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(
    "Models of transformers",
    .serialized,
    .enabled(if: PythonTools.areThere),
    .timeLimit(.minutes(10))
)
struct ImportTests {
    /// A folder as save_pretrained writes it, without weights.
    private func writeSource(_ lab: Laboratory, _ more: String = "") throws {
        let folder = lab.path("source")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let config = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32,
             "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
             "num_key_value_heads": 2, "max_position_embeddings": 64, "vocab_size": 256,
             "tie_word_embeddings": true, "attention_dropout": 0.1\(more)}
            """
        try config.write(toFile: folder + "/config.json", atomically: true, encoding: .utf8)
    }

    private func importSource(_ lab: Laboratory) throws {
        try writeSource(lab)
        let outcome = try lab.run([
            "import", lab.path("source"), "--to", lab.path("llama"), "--sequence", "32",
            "--microbatch", "2",
        ])
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("5 layers of 3 kinds"))
        #expect(outcome.output.contains("from the job's seed"))
    }

    private func writeJob(_ lab: Laboratory, _ training: String = "") throws {
        let text = """
            model: {import: llama}
            data: {corpus: corpus.txt}
            training: {steps: 6, seed: 5, global_batch: 16\(training)}
            cluster: {nodes: 5, fault_tolerance: 1}
            """
        try text.write(toFile: lab.path("job.yaml"), atomically: true, encoding: .utf8)
    }

    private func train(_ lab: Laboratory, _ name: String, _ more: [String]) throws -> RunResult {
        let outcome = try lab.run(
            ["train", lab.path("job.yaml"), "--run-dir", lab.path(name)] + more
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try lab.result(name)
    }

    @Test("every kind of model ends with one state under kills, and goes back to transformers")
    func campaign() throws {
        let lab = try Laboratory()
        let outcome = PythonTools.run(
            [
                Checkout.path + "/Scripts/model_campaign.py", "llama", "bert", "t5", "vit",
                "unusual", "--output", lab.path("models.json"),
            ],
            ["OOBLECK": Laboratory.programs + "/oobleck"]
        )
        #expect(outcome.status == 0, "\(outcome.output.suffix(2000))")
        let text = try String(contentsOfFile: lab.path("models.json"), encoding: .utf8)
        #expect(text.components(separatedBy: "\"same_state\": true").count == 6)
        #expect(text.components(separatedBy: "\"failures\": 3").count == 6)
        #expect(text.components(separatedBy: "\"same logits\"").count == 5)
    }

    @Test("one node, four nodes and the undisturbed process come to the same bits")
    func everyPlan() throws {
        let lab = try Laboratory()
        try importSource(lab)
        try writeJob(lab)
        let reference = try train(lab, "reference", ["--reference"])
        for nodes in ["1", "4"] {
            let result = try train(lab, "on-\(nodes)", ["--nodes", nodes])
            #expect(result.stateSHA256 == reference.stateSHA256)
        }
        let text = try String(contentsOfFile: lab.path("on-4/ledger.jsonl"), encoding: .utf8)
        // Each sample of 32 tokens has 31 that follow another.
        #expect(text.contains("\"targets\":\(16 * 31),"))
    }

    @Test("with bfloat16 a plan that loses a node comes to the undisturbed process's bits")
    func bfloat16() throws {
        let lab = try Laboratory()
        try importSource(lab)
        try writeJob(lab, ", precision: bfloat16")
        let reference = try train(lab, "reference", ["--reference"])
        let kill = ["--fault", "node=2,point=mid-send,step=3"]
        let result = try train(lab, "kill", kill)
        #expect(result.failures == 1)
        #expect(result.stateSHA256 == reference.stateSHA256)
    }

    @Test("a run continues a text, the same for the same seed, whichever model it has")
    func sample() throws {
        let lab = try Laboratory()
        try #require(try lab.train("gpt2").status == 0)
        try importSource(lab)
        try writeJob(lab)
        _ = try train(lab, "llama-run", ["--nodes", "2"])
        for run in ["gpt2", "llama-run"] {
            func text(_ options: [String]) throws -> String {
                let outcome = try lab.run(
                    ["sample", lab.path(run), "--prompt", "line 17", "--tokens", "12"] + options
                )
                try #require(outcome.status == 0, "\(outcome.errors)")
                return outcome.output
            }
            let first = try text(["--seed", "3"])
            #expect(first.hasPrefix("line 17"))
            #expect(try text(["--seed", "3"]) == first)
            #expect(try text(["--seed", "4"]) != first)
            let likeliest = try text(["--temperature", "0"])
            #expect(try text(["--temperature", "0", "--seed", "9"]) == likeliest)
            #expect(try text(["--top-k", "1"]) == likeliest)
            #expect(try lab.run(["sample", lab.path(run), "--tokens", "3"]).status == 0)
        }
    }

    @Test("what is altered after the import is told before anything starts")
    func altered() throws {
        let lab = try Laboratory()
        try importSource(lab)
        try writeJob(lab)
        let graph = lab.path("llama/graph-1.json")
        let text = try String(contentsOfFile: graph, encoding: .utf8)
        try text.replacing("aten::silu", with: "aten::relu")
            .write(toFile: graph, atomically: true, encoding: .utf8)
        let outcome = try lab.run(["train", lab.path("job.yaml"), "--run-dir", lab.path("run")])
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("it was altered, import the model again"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: lab.path("run")))
    }

    @Test("a microbatch that the graphs are not made for is told with its line")
    func otherMicrobatch() throws {
        let lab = try Laboratory()
        try importSource(lab)
        try writeJob(lab, ", microbatch: 4")
        let outcome = try lab.run(["train", lab.path("job.yaml"), "--run-dir", lab.path("run")])
        #expect(outcome.status == 65)
        let wanted =
            "job.yaml:3: training.microbatch is 4; the model was imported with --microbatch 2"
        #expect(outcome.errors.contains(wanted))
    }

    @Test("what cannot be imported is one line, and leaves nothing behind")
    func refusals() throws {
        let lab = try Laboratory()
        try writeSource(lab, ", \"num_hidden_layers\": \"many\"")
        for source in ["source", "nowhere", "gpt5"] {
            let outcome = try lab.run(["import", lab.path(source), "--to", lab.path("out")])
            #expect(outcome.status == 65, "\(source): \(outcome.errors)")
            let lines = outcome.errors.split(separator: "\n").filter { !$0.hasPrefix("importing") }
            #expect(lines.count == 1, "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: lab.path("out")))
        }
    }
}
