import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct JobFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(_ text: String) throws -> JobSpecification {
        try JobFile.load(path: folder.write("sub/job.yaml", text))
    }

    private func failure(_ text: String) -> String {
        let error = #expect(throws: OobleckError.self) { try load(text) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("\n") == false)
        return error?.message ?? ""
    }

    @Test("the example says what its comments say")
    func example() throws {
        let job = try JobFile.load(path: Checkout.path + "/Examples/tiny.yaml")
        #expect(job.model.gpt2?.blocks == 6)
        #expect(job.model.gpt2?.hidden == 192)
        #expect(job.model.sequenceLength == 128)
        #expect(job.training.steps == 200)
        #expect(job.training.learningRate == 1e-3)
        #expect(job.training.minimumLearningRate == 1e-4)
        #expect(job.training.microbatchCount == 8)
        #expect(job.cluster.nodes == 6)
        #expect(job.cluster.deviceMemory != nil)
        #expect(job.cluster.detectionBudget == 2)
        #expect(job.corpusPath == Checkout.path + "/.corpus/shakespeare.txt")
    }

    @Test("a job names what plans are compared by, or has the default written down")
    func costModel() throws {
        for model in CostModel.allCases {
            let text = "cluster: {cost_model: \(model.rawValue)}\ndata: {corpus: /a}"
            #expect(try load(text).cluster.costModel == model)
        }
        let plain = try load("data: {corpus: /a}").cluster
        #expect(plain.costModel == ClusterSpecification.defaultCostModel)
        let unknown = failure("cluster: {cost_model: fast}\ndata: {corpus: /a}")
        #expect(unknown.contains("cluster.cost_model is \"fast\""), "\(unknown)")
        #expect(unknown.contains("sosp23, sosp23-artifact, schedule"), "\(unknown)")
    }

    @Test("a corpus is all that a job must name")
    func defaults() throws {
        let job = try load("data: {corpus: a.txt}")
        #expect(job.model.gpt2 == ModelPreset.gpt2.specification)
        #expect(job.training.minimumLearningRate == job.training.learningRate / 10)
        #expect(job.cluster.deviceMemory == nil)
        #expect(job.corpusPath == folder.path + "/sub/a.txt")
        #expect(job.initialWeightsPath == nil)
        try JobFile.validate(job)
        for text in ["", "# nothing\n", "model: {name: gpt2}", "data:", "data: {corpus: }"] {
            #expect(failure(text).contains("corpus"))
        }
    }

    @Test(
        "presets have the published sizes",
        arguments: [
            ("gpt2", 12, 768, 12), ("gpt2-medium", 24, 1024, 16), ("gpt2-large", 36, 1280, 20),
            ("gpt2-xl", 48, 1600, 25),
        ]
    )
    func presets(name: String, blocks: Int, hidden: Int, heads: Int) throws {
        for key in ["preset", "name"] {
            let model = try load("model: {\(key): \(name)}\ndata: {corpus: /a}").model
            #expect(model.gpt2?.blocks == blocks)
            #expect(model.gpt2?.hidden == hidden)
            #expect(model.gpt2?.heads == heads)
            #expect(model.vocabulary == 50_257)
            #expect(model.sequenceLength == 1024)
            #expect(model.name == name)
        }
        let short = try load("model: {preset: \(name), sequence_length: 64}\ndata: {corpus: /a}")
        #expect(short.model.sequenceLength == 64)
    }

    @Test(
        "sizes of memory may carry a unit",
        arguments: [
            ("1048576", 1_048_576), ("48 MiB", 48 << 20), ("40GiB", 40 << 30), ("1.5 KiB", 1536),
            ("\"2 GB\"", 2_000_000_000), ("48_000", 48_000), ("7 B", 7),
        ]
    )
    func memory(text: String, bytes: Int) throws {
        let job = try load("data: {corpus: /a}\ncluster: {device_memory: \(text)}")
        #expect(job.cluster.deviceMemory == ByteCount(bytes))
    }

    @Test("an unknown key is named with file, line and the nearest known key")
    func unknownKeys() throws {
        let typo = failure("data:\n  corpus: a\ntraining:\n  steps: 3\n  learning_rat: 1\n")
        #expect(typo.hasPrefix(folder.path + "/sub/job.yaml:5: "))
        #expect(typo.contains("unknown key learning_rat in training"))
        #expect(typo.contains("did you mean learning_rate?"))
        let top = failure("data: {corpus: a}\ntrainin: {}\n")
        #expect(top.contains(":2: ") && top.contains("did you mean training?"))
        let misplaced = failure("data: {corpus: a, steps: 4}")
        #expect(misplaced.contains("belongs under training"))
        let far = failure("data: {corpus: a}\ncluster: {colour: red}")
        #expect(far.contains("known are nodes, fault_tolerance"))
    }

    @Test(
        "a wrong value is named with line and key",
        arguments: [
            ("training: {steps: many}", "training.steps is \"many\"; it must be a whole number"),
            ("training: {steps: 1.5}", "training.steps"),
            ("training: {steps: [1]}", "training.steps"),
            ("training: {steps: 0}", "training.steps is 0; it must be at least 1"),
            ("training: {seed: -1}", "training.seed"),
            ("training: {steps: 99999999999999999999}", "training.steps"),
            (
                "training: {global_batch: 30}",
                "training.global_batch is 30; it must be a multiple of "
                    + "microbatch (4), such as 28 or 32"
            ),
            ("training: {global_batch: 3}", "such as 4"),
            ("training: {microbatch: -4}", "microbatch"),
            ("training: {learning_rate: 0}", "learning_rate"),
            ("training: {learning_rate: nan}", "learning_rate"),
            ("training: {learning_rate: .inf}", "learning_rate"),
            ("training: {minimum_learning_rate: 1}", "minimum_learning_rate"),
            ("training: {warmup_steps: 2000}", "warmup_steps"), ("training: {beta1: 1}", "beta1"),
            ("training: {beta2: -0.1}", "beta2"), ("training: {epsilon: 0}", "epsilon"),
            ("training: {gradient_clip: 0}", "gradient_clip"),
            ("training: {weight_decay: -1}", "weight_decay"), ("training: 7", "training must be"),
            ("cluster: {nodes: 0}", "cluster.nodes"),
            ("cluster: {fault_tolerance: -1}", "fault_tolerance"),
            (
                "cluster: {devices_per_node: 3}",
                "cluster.devices_per_node is 3; it must be a power of two, from 1 to 8"
            ),
            ("cluster: {devices_per_node: 0}", "cluster.devices_per_node is 0"),
            ("cluster: {devices_per_node: 16}", "cluster.devices_per_node is 16"),
            ("cluster: {device_memory: 4 parsecs}", "cluster.device_memory is \"4 parsecs\""),
            ("cluster: {device_memory: 0}", "device_memory"),
            ("cluster: {device: gpu}", "cluster.device is \"gpu\""),
            ("cluster: {device_memory: 1e300 GiB}", "device_memory"),
            (
                "cluster: {detection_budget: 0.05}",
                "cluster.detection_budget is 0.05; it must be 0.2"
            ),
            (
                "model: {blocks: 2, hidden: 100, heads: 6}",
                "model.hidden is 100; it must be a multiple "
                    + "of heads (6), such as 96 or 102"
            ),
            ("model: {blocks: 2, hidden: 100, heads: 0}", "model.heads"),
            ("model: {blocks: 2, hidden: 100}", "heads is missing"),
            ("model: {preset: gpt3}", "preset is \"gpt3\"; it must be one of gpt2, gpt2-medium"),
            ("model: {name: gpt2, blocks: 3}", "model.blocks cannot be set: gpt2 fixes it"),
            ("model: {name: mine}", "model.name"), ("model: {dropout: 1}", "model.dropout"),
            (
                "model: {vocabulary: 20000000}",
                "model.vocabulary is 20000000; it must be at most 16777216"
            ),
            ("model: {sequence_length: 0}", "model.sequence_length"),
        ]
    )
    func wrongValues(text: String, expected: String) throws {
        let message = failure("data: {corpus: a}\n\(text)\n")
        #expect(message.contains(expected), "\(message)")
        #expect(message.contains("job.yaml:2: ") || message.contains("is missing"), "\(message)")
    }

    @Test(
        "what is no YAML, or no mapping, or says a thing twice, is refused",
        arguments: [
            "data: {corpus", "\t- x", "- a\n- b", "just text",
            "data: {corpus: a}\ndata: {corpus: b}",
            "{[a]: b}", "data: &x {corpus: *x}", "data: {corpus: [a]}",
        ]
    )
    func brokenFiles(text: String) throws {
        #expect(failure(text).contains("job.yaml"))
    }

    @Test("missing and binary files are refused")
    func unreadable() throws {
        #expect(throws: OobleckError.self) { try JobFile.load(path: folder.path + "/none.yaml") }
        #expect(throws: OobleckError.self) { try JobFile.load(path: folder.path) }
        let binary = try folder.write("b.yaml", [0x64, 0xFF, 0xFE])
        #expect(throws: OobleckError.self) { try JobFile.load(path: binary) }
    }

    @Test("a job changed after reading is checked by the same rules")
    func overrides() throws {
        var job = try load("data: {corpus: /a}")
        job.training.microbatch = 5
        let error = #expect(throws: OobleckError.self) { try JobFile.validate(job) }
        #expect(error?.message.hasPrefix("training.global_batch is 32; ") == true)
        #expect(error?.message.hasSuffix("such as 30 or 35") == true)
    }

    @Test("a schedule that is named is read, and the default is the same job as none named")
    func schedules() throws {
        func training(_ keys: String) throws -> TrainingSpecification {
            try load("data: {corpus: a.txt}\ntraining: {steps: 100, warmup_steps: 10, \(keys)}")
                .training
        }
        #expect(try training("schedule: cosine") == training("seed: 0"))
        #expect(try training("schedule: linear").schedule == .linear)
        let decaying = try training("schedule: wsd, cooldown_steps: 90")
        #expect(decaying.schedule == .stableThenDecay)
        #expect(decaying.scheduledCooldown == 90)
        #expect(try training("schedule: wsd").scheduledCooldown == 20)
        var shorter = decaying
        shorter.setSteps(30)
        #expect(shorter.scheduledCooldown == 20)
    }

    @Test(
        "what a schedule cannot use is refused",
        arguments: [
            ("schedule: cosin", "must be one of cosine, linear, constant, wsd"),
            ("schedule: wsd, cooldown_steps: 91", "is 91; it must be 1 to 90"),
            ("schedule: wsd, cooldown_steps: 0", "is 0; it must be 1 to 90"),
            ("cooldown_steps: 5", "training.cooldown_steps has no meaning for schedule cosine"),
            ("schedule: constant, decay_steps: 50", "decay_steps has no meaning"),
            ("schedule: constant, minimum_learning_rate: 0", "minimum_learning_rate has no"),
        ]
    )
    func scheduleMistakes(keys: String, expected: String) {
        let text = "data: {corpus: a.txt}\ntraining: {steps: 100, warmup_steps: 10, \(keys)}"
        #expect(failure(text).contains(expected))
    }
}
