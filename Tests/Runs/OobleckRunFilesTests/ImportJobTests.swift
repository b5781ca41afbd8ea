import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("Jobs with an imported model", .timeLimit(.minutes(5))) struct ImportJobTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let source = "model: {import: ../model}\n"

    private func load(
        _ text: String,
        _ fixture: ImportFixture = ImportFixture(),
        settings: String...
    ) throws -> JobSpecification {
        _ = try fixture.write(folder)
        return try JobFile.load(
            path: try folder.write("jobs/job.yaml", text),
            settings: try settings.map { try JobSetting($0) }
        )
    }

    /// What is said of a job, all lines, without its file's folder.
    private func lines(_ text: String, _ fixture: ImportFixture = ImportFixture()) -> [String] {
        let error = #expect(throws: OobleckError.self, "\(text)") { try load(text, fixture) }
        #expect(error?.code == .inputData)
        let lines = [error?.message ?? ""] + (error?.details ?? [])
        #expect(lines.allSatisfy { !$0.contains("\n") })
        return lines.map { $0.replacing(folder.path + "/", with: "") }
    }

    private static let masked = ImportFixture().roles("masked_tokens", "mask_targets")
    private static let columns = ImportFixture().roles("column", "column")
    /// As a module from a file is imported: what its tensors are is for the job to say.
    private static let module = columns.changing("\"sequence\": 4", to: "\"sequence\": null")
        .changing("\"vocabulary\": 8", to: "\"vocabulary\": null")

    @Test("an imported model brings its sizes and microbatch; paths are relative to the job")
    func corpus() throws {
        let job = try load(Self.source + "data: {corpus: a.txt}\ntraining: {global_batch: 6}")
        let model = try #require(job.model.imported)
        #expect(model.path == folder.path + "/model")
        #expect(model.manifest == (try ImportFixture().decoded()))
        #expect(job.corpusPath == folder.path + "/jobs/a.txt")
        #expect(job.training.microbatch == 2 && job.training.microbatchCount == 3)
        #expect(job.model.layerCount == 3 && job.model.sequenceLength == 4)
        #expect(job.model.name == "tiny" && job.model.vocabulary == 8)
        #expect(job.dataAreColumns == nil && job.masking == nil && job.initialWeightsPath == nil)
        try JobFile.validate(job)
        let named = try load("model: {import: ../model, name: mine}\ndata: {corpus: a.txt}")
        #expect(named.model.name == "mine")
        let absolute = try load("model: {import: \(folder.path)/model}\ndata: {corpus: /a.txt}")
        #expect(absolute.model.imported?.path == folder.path + "/model")
    }

    @Test("columns take the place of a corpus, and every tensor is the column of its name")
    func columns() throws {
        let job = try load(Self.source + "data: {columns: ../data}")
        #expect(job.corpusPath == folder.path + "/data")
        #expect(job.dataAreColumns == true)
        let batch = try #require(job.model.imported?.manifest.batch)
        #expect(batch.map(\.role) == [.column, .column] && batch.map(\.column) == [nil, nil])
        let other = try load(
            Self.source + "data: {columns: d, batch: {input_ids: words, labels: ones}}"
        )
        let changed = try #require(other.model.imported?.manifest.batch)
        #expect(
            changed.map(\.role) == [.column, .ones] && changed.map(\.column) == ["words", nil]
        )
    }

    @Test(
        "among columns a role of a corpus is a column's name",
        arguments: ["tokens", "mask_targets"]
    )
    func roleNames(name: String) throws {
        let job = try load(
            Self.source + "data: {columns: d, batch: {input_ids: \(name), labels: column}}",
            Self.columns
        )
        let batch = try #require(job.model.imported?.manifest.batch)
        #expect(batch.map(\.role) == [.column, .column] && batch.map(\.column) == [name, nil])
    }

    @Test("a corpus fills the tensors that the job says")
    func roles() throws {
        let text = "data: {corpus: a.txt, batch: {input_ids: tokens, labels: next_tokens}}"
        let job = try load(
            "model: {import: ../model, vocabulary: 256}\n" + text,
            Self.module
        )
        let manifest = try #require(job.model.imported?.manifest)
        #expect(manifest.batch.map(\.role) == [.tokens, .nextTokens])
        #expect(manifest.sequence == 4, "as long as the tensor of tokens")
        #expect(manifest.vocabulary == 256)
        #expect(
            lines(Self.source + "data: {corpus: a.txt}", Self.columns).contains {
                $0.contains("data.corpus has no input_ids, which the model takes; name columns")
            }
        )
        let elsewhere = lines(Self.source + "data: {corpus: a, batch: {labels: words}}")
        #expect(
            elsewhere[0].contains("data.batch takes labels from words, and a corpus has tokens")
        )
    }

    @Test("tokens for a tensor of another shape or type are refused")
    func rolesThatDoNotFit() throws {
        let image = Self.module.changing(
            "\"labels\", \"shape\": [2, 4], \"dtype\": \"int64\"",
            to: "\"labels\", \"shape\": [2, 3, 8], \"dtype\": \"float32\""
        )
        let text = "data: {corpus: a.txt, batch: {input_ids: tokens, labels: next_tokens}}"
        let message = lines(Self.source + text, image)[0]
        #expect(message.contains("batch tensor labels is not [microbatch, sequence] of int64"))
    }

    @Test(
        "what the imported model fixes cannot be set beside it",
        arguments: [
            "preset: gpt2", "blocks: 2", "hidden: 8", "heads: 2", "vocabulary: 8",
            "sequence_length: 4", "dropout: 0.1", "tie_word_embeddings: true", "initial_weights: w",
        ]
    )
    func fixedKeys(key: String) {
        let name = key.prefix { $0 != ":" }
        let text = "model:\n  import: ../model\n  \(key)\ndata: {corpus: a.txt}"
        let what = "the imported model fixes it; leave out one of the two"
        #expect(lines(text) == ["jobs/job.yaml:3: model.\(name) cannot be set: \(what)"])
    }

    @Test("a folder that holds no model is named with the job's line, and nothing else is said")
    func noModel() throws {
        for (path, expected) in [
            ("../absent", "absent has no manifest.json; name a folder that oobleck import wrote"),
            ("\"\"", "jobs has no manifest.json"),
        ] {
            let found = lines(
                "training: {microbatch: 3, global_batch: 3, train: [a.*]}\nmodel: {import: \(path)}\n"
                    + "data: {columns: d, batch: {x: y}}"
            )
            #expect(found.count == 1 && found[0].hasPrefix("jobs/job.yaml:2: "), "\(found)")
            #expect(found[0].contains(expected))
        }
        let damaged = ImportFixture().changing("\"version\": 1", to: "\"version\": 7")
        let found = lines(Self.source + "data: {corpus: a}", damaged)
        #expect(found.count == 1 && found[0].contains("import the model again"))
        #expect(lines("model: {import: [a]}\ndata: {corpus: a}")[0].contains("a list"))
    }

    @Test("another microbatch than the import's is refused, with what would be right")
    func microbatch() {
        let text = "data: {corpus: a.txt}\ntraining: {microbatch: 4, global_batch: 8}"
        let message =
            "training.microbatch is 4; the model was imported with --microbatch 2, so leave "
            + "it out or import the model again"
        #expect(lines(Self.source + text) == ["jobs/job.yaml:3: \(message)"])
    }

    @Test("a batch of samples that are no whole microbatches is refused")
    func globalBatch() {
        let text = "data: {corpus: a.txt}\ntraining: {global_batch: 5}"
        #expect(lines(Self.source + text)[0].contains("must be a multiple of microbatch (2)"))
    }

    @Test("a job names a corpus or columns, not both and not neither")
    func oneSource() {
        for data in [
            "", "data: {}", "data: {corpus: \"\"}", "data: {columns: \"\"}", "data: {corpus: }",
        ] {
            let found = lines(Self.source + data)
            let message =
                "data.corpus is missing; name a UTF-8 text file, a directory of .txt files, "
                + "or a .bin file"
            #expect(found.count == 1 && found[0].hasSuffix(message), "\(data): \(found)")
        }
        let both = lines(Self.source + "data: {corpus: a.txt, columns: d}")
        #expect(
            both.contains { $0.contains("data.columns cannot be set beside corpus") },
            "\(both)"
        )
    }

    @Test("what batch names has to be a tensor of the model, by a word")
    func batchNames() {
        let unknown = lines(Self.source + "data: {columns: d, batch: {pixels: p}}")
        #expect(
            unknown == [
                "jobs/job.yaml:2: data.batch names pixels; the model takes input_ids, labels"
            ]
        )
        for batch in [
            "words", "[input_ids]", "{input_ids: [a]}", "{input_ids: {a: b}}", "{[a]: b}", "7",
        ] {
            let found = lines(Self.source + "data: {columns: d, batch: \(batch)}")
            #expect(found[0].contains("data.batch"), "\(batch): \(found)")
            #expect(found[0].contains("mapping of names to names"), "\(batch): \(found)")
        }
    }

    @Test("keys of masks are for models that guess hidden tokens")
    func misplacedMasks() {
        for key in ["mask_fraction: 0.15", "mask_token: 3"] {
            let name = key.prefix { $0 != ":" }
            let message = "data.\(name) is for models that guess hidden tokens; leave it out"
            for data in ["corpus: a.txt", "columns: d"] {
                let found = lines(Self.source + "data: {\(data), \(key)}")
                #expect(found == ["jobs/job.yaml:2: \(message)"])
            }
            #expect(lines("data: {corpus: a.txt, \(key)}") == ["jobs/job.yaml:1: \(message)"])
            // A model that does, but gets its columns ready.
            #expect(lines(Self.source + "data: {columns: d, \(key)}", Self.masked).count == 1)
        }
    }

    @Test("the mask's token is the import's or the job's, and in the vocabulary")
    func masks() throws {
        func masking(
            _ keys: String,
            _ fixture: ImportFixture = Self.masked
        ) throws
            -> MaskingSpecification?
        {
            try load(Self.source + "data: {corpus: a.txt\(keys)}", fixture).masking
        }
        let own = Self.masked.changing("\"mask_token\": null", to: "\"mask_token\": 5")
        #expect(try masking("", own) == MaskingSpecification(token: 5, vocabulary: 8))
        #expect(try masking(", mask_token: 7", own)?.token == 7)
        let half = MaskingSpecification(fraction: 0.5, token: 0, vocabulary: 8)
        #expect(try masking(", mask_token: 0, mask_fraction: 0.5") == half)
        #expect(
            lines(Self.source + "data: {corpus: a}", Self.masked)[0].contains(
                "mask_token is missing"
            )
        )
        for token in [8, -1, Int.max, Int.min] {
            let found = lines(Self.source + "data: {corpus: a, mask_token: \(token)}", Self.masked)
            #expect(found[0].contains("data.mask_token is \(token); it must be at"))
        }
        for fraction in ["0", "-0.1", "1.5", ".nan", "lots", "1e999"] {
            let data = "data: {corpus: a, mask_token: 1, mask_fraction: \(fraction)}"
            #expect(lines(Self.source + data, Self.masked)[0].contains("data.mask_fraction is"))
        }
        #expect(try masking(", mask_token: 1, mask_fraction: 1")?.fraction == 1)
    }

    @Test(
        "where no vocabulary is known, any token can be the mask's, and none is too large to say so"
    )
    func openVocabulary() throws {
        let open = Self.masked.changing("\"vocabulary\": 8", to: "\"vocabulary\": null")
        let job = try load(Self.source + "data: {corpus: a, mask_token: 300}", open)
        #expect(job.masking == MaskingSpecification(token: 300, vocabulary: 301))
        for token in [Int.max, Int.min, -1] {
            let found = lines(Self.source + "data: {corpus: a, mask_token: \(token)}", open)
            #expect(found[0].contains("data.mask_token is \(token)"))
        }
        for vocabulary in [0, -1, Int.min, Int.max] {
            let text =
                "model: {import: ../model, vocabulary: \(vocabulary)}\ndata: {corpus: a, mask_token: 0}"
            #expect(
                lines(text, open)[0].contains("vocabulary is \(vocabulary); it must be positive")
            )
        }
    }

    @Test("GPT-2 takes a corpus of tokens and nothing else")
    func builtIn() {
        let columns = lines("data: {columns: d}")
        #expect(
            columns == [
                "jobs/job.yaml:1: data.columns are for an imported model; GPT-2 takes a corpus of tokens"
            ]
        )
        let batch = lines("data: {corpus: a.txt, batch: {input_ids: tokens}}")
        #expect(
            batch == ["jobs/job.yaml:1: data.batch is for an imported model; GPT-2 takes tokens"]
        )
    }

    @Test("the width of token ids is for a corpus")
    func tokenBytes() throws {
        #expect(
            try load(Self.source + "data: {corpus: a.bin, token_bytes: 4}").corpusTokenBytes == 4
        )
        let found = lines(Self.source + "data: {columns: d, token_bytes: 4}")
        #expect(
            found.count == 1 && found[0].contains("data.token_bytes is for a corpus of token ids")
        )
    }

    @Test("settings of the command line change model and data; their paths are those of the shell")
    func settings() throws {
        let text = Self.source + "data: {corpus: a.txt}"
        let corpus = try load(text, settings: "data.corpus=/b.txt")
        #expect(corpus.corpusPath == "/b.txt")
        let here = FileManager.default.currentDirectoryPath
        let columns = try load(Self.source, settings: "data.columns=d")
        #expect(columns.corpusPath == here + "/d" && columns.dataAreColumns == true)
        let elsewhere = try load(text, settings: "model.import=\(folder.path)/jobs/../model")
        #expect(elsewhere.model.imported?.path == folder.path + "/model")
        let relative = try JobSetting("model.import=models/a")
        #expect(relative.text == "--set model.import=\(here)/models/a")
        let masks = try load(
            Self.source + "data: {corpus: a, mask_token: 1}",
            Self.masked,
            settings: "data.mask_fraction=0.25"
        )
        #expect(masks.masking?.fraction == 0.25)
        let ones = try load(text, settings: "data.batch={labels: ones}")
        #expect(ones.model.imported?.manifest.batch.map(\.role) == [.tokens, .ones])
        for setting in [
            "data.batch=tokens", "data.mask_fraction=0.2", "data.mask_token=1", "data.columns=d",
        ] {
            let error = #expect(throws: OobleckError.self) { try load(text, settings: setting) }
            #expect(error?.code == .usage, "\(setting): \(error as Any)")
            #expect(error?.message.hasPrefix("--set \(setting.prefix { $0 != "=" })") == true)
        }
    }

    @Test("a job with an imported model is the same when it comes back from its JSON")
    func roundTrip() throws {
        let data = "data: {corpus: a.txt, mask_token: 1}"
        let jobs = [
            try load(Self.source + "data: {corpus: a.txt}"),
            try load(Self.source + data, Self.masked),
            try load(Self.source + "data: {columns: d, batch: {input_ids: words, labels: ones}}"),
        ]
        for job in jobs {
            let text = try JSONEncoder().encode(job)
            #expect(try JSONDecoder().decode(JobSpecification.self, from: text) == job)
            let path = folder.path + "/run-\(UUID().uuidString)"
            _ = try RunDirectory.create(path: path, job: job, configText: "")
            #expect(try RunDirectory.open(path: path).job() == job)
        }
    }

    @Test("the JSON of a GPT-2 job is what it was before there were other models")
    func builtInText() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(RunFixture.job()), as: UTF8.self)
        let expected = """
            {"cluster":{"detectionBudget":2,"faultTolerance":1,"nodes":4},"corpusPath":"/corpus.txt",\
            "faults":[],"model":{"blocks":1,"dropout":0.1,"heads":2,"hidden":4,"name":"small",\
            "sequenceLength":3,"vocabulary":5},"stagedFaults":{"flips":[],"numbers":[],"shortages":[],\
            "slowness":[]},"training":{"beta1":0.9,"beta2":0.95,"epsilon":1e-08,"globalBatch":8,\
            "gradientClip":1,"learningRate":0.001,"microbatch":2,"minimumLearningRate":0.0001,"seed":1,\
            "skipLimit":5,"steps":5,"warmupSteps":1,"weightDecay":0.1}}
            """
        #expect(text == expected)
        let back = try JSONDecoder().decode(JobSpecification.self, from: Data(expected.utf8))
        #expect(back == RunFixture.job())
    }

    @Test(
        "states of other masks are those of another job; how many nodes train makes no difference"
    )
    func fingerprints() throws {
        let text = Self.source + "data: {corpus: a, mask_token: 1}"
        let job = try load(text, Self.masked)
        let own = try JobFingerprint.of(job)
        var other = job
        other.masking?.fraction = 0.3
        #expect(try JobFingerprint.of(other) != own)
        other = job
        other.masking?.token = 2
        #expect(try JobFingerprint.of(other) != own)
        other = job
        other.cluster.nodes = 9
        #expect(try JobFingerprint.of(other) == own)
    }
}
