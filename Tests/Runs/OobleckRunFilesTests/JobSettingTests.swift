import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct JobSettingTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let job = """
        data: {corpus: a.txt}
        x-rates: &rates {learning_rate: 2e-3, minimum_learning_rate: 1e-4}
        training:
          <<: *rates
          steps: 100
          warmup_steps: 10
        """

    private func load(_ settings: String...) throws -> JobSpecification {
        try JobFile.load(
            path: try folder.write("job.yaml", Self.job),
            settings: try settings.map { try JobSetting($0) }
        )
    }

    private func failure(_ setting: String) -> OobleckError? {
        #expect(throws: OobleckError.self) { try load(setting) }
    }

    @Test("a setting takes the place of what the file says, merged keys included; the rest stays")
    func replaces() throws {
        let job = try load("training.steps=50", "training.learning_rate=1e-3")
        #expect(job.training.steps == 50)
        #expect(job.training.learningRate == 1e-3)
        #expect(job.training.minimumLearningRate == 1e-4)
        #expect(job.training.warmupSteps == 10)
    }

    @Test("a setting of a section that the file lacks makes it, and the last of two counts")
    func adds() throws {
        #expect(try load("cluster.nodes=9", "cluster.nodes=7").cluster.nodes == 7)
        #expect(try load("model.preset=gpt2-medium").model.gpt2?.hidden == 1024)
        #expect(try load("checkpoint=none").checkpoint == nil)
    }

    @Test("a path is relative to the working directory, not to the job")
    func paths() throws {
        let job = try load("data.corpus=/corpora/b.txt")
        #expect(job.corpusPath == "/corpora/b.txt")
        #expect(try load("data.corpus=b.txt").corpusPath.hasPrefix(folder.path) == false)
        #expect(try load("cluster.nodes=3").corpusPath == folder.path + "/a.txt")
    }

    @Test(
        "what a setting has wrong is bad usage, and names the setting",
        arguments: [
            ("training.steps", "--set training.steps has no value"),
            ("steps=5", "--set steps: name a section and a key"),
            ("trainig.steps=5", "did you mean training?"),
            ("training.step=5", "unknown key step in training; did you mean steps?"),
            ("training.steps=many", "--set training.steps is \"many\"; it must be a whole number"),
            ("training.steps=0", "--set training.steps is 0; it must be at least 1"),
            ("training.steps=[5]", "the value must be a single word or number"),
            ("training.steps={5", "the value is not valid YAML"),
        ]
    )
    func mistakes(setting: String, expected: String) {
        let error = failure(setting)
        #expect(error?.code == .usage)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
    }

    @Test("a value of the file that a setting makes wrong is told with its line")
    func conflicts() {
        let error = failure("training.steps=5")
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("job.yaml:6: training.warmup_steps is 10") == true)
    }
}
