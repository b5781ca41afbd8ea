import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("The checkpoint section of a job", .timeLimit(.minutes(5))) struct CheckpointJobTests {
    private func load(_ section: String) throws -> JobSpecification {
        let folder = try TemporaryFolder()
        let path = folder.path + "/job.yaml"
        try "data: {corpus: a.txt}\ncheckpoint: \(section)\n"
            .write(toFile: path, atomically: true, encoding: .utf8)
        return try JobFile.load(path: path)
    }

    private func failure(_ section: String) -> String {
        do {
            _ = try load(section)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("every key is read, and what is left out has its default")
    func keys() throws {
        let full = try load("{every: 50, keep: 3, directory: saves, wait: 30}").checkpoint
        #expect(full?.rhythm == .steps(50))
        #expect(full?.keep == 3)
        #expect(full?.directory?.hasSuffix("/saves") == true)
        #expect(full?.directory?.hasPrefix("/") == true)
        #expect(full?.wait == 30)
        let least = try load("{interval: young-daly}").checkpoint
        #expect(least == CheckpointSpecification(.youngDaly, keep: 2, directory: nil, wait: 600))
        #expect(try load("").checkpoint == CheckpointSpecification.standard)
        #expect(try load("{keep: 5}").checkpoint == CheckpointSpecification(.youngDaly, keep: 5))
        #expect(try load("none").checkpoint == nil)
    }

    @Test(
        "what makes no sense is one line with file, line, key, value and what would be right",
        arguments: [
            ("{every: 0}", "checkpoint.every is 0; it must be at least 1"),
            ("{every: soon}", "checkpoint.every is \"soon\"; it must be a whole number"),
            ("{every: 5, keep: 0}", "checkpoint.keep is 0; it must be at least 1"),
            ("{every: 5, wait: -1}", "checkpoint.wait is -1.0; it must be 0 to 604800 seconds"),
            ("{every: 5, directory: \"\"}", "checkpoint.directory is empty; name a folder"),
            ("{interval: daly}", "checkpoint.interval is \"daly\"; it must be young-daly"),
            ("{interval: 50}", "a number of steps goes under every"),
            ("{every: 5, interval: young-daly}", "leave out one of the two"),
            ("often", "checkpoint must be a mapping of keys to values (or none), and is \"often\""),
            ("{evry: 5}", "unknown key evry in checkpoint; did you mean every?"),
        ]
    )
    func mistakes(section: String, expected: String) {
        let message = failure(section)
        #expect(message.contains(expected), "\(message)")
        #expect(message.contains("job.yaml:2:"), "\(message)")
        #expect(!message.contains("\n"))
    }

    @Test(
        "the command line takes steps or young-daly",
        arguments: [("50", CheckpointSpecification.Rhythm.steps(50)), ("young-daly", .youngDaly)]
    )
    func argument(text: String, rhythm: CheckpointSpecification.Rhythm) throws {
        #expect(try CheckpointSpecification.Rhythm(argument: text) == rhythm)
    }

    @Test("and nothing else", arguments: ["0", "-3", "", "5s", "youngdaly"])
    func badArgument(text: String) {
        let error = #expect(throws: OobleckError.self) {
            try CheckpointSpecification.Rhythm(argument: text)
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("--checkpoint-every is \"\(text)\"") == true)
    }

    @Test("a job's fingerprint follows what its state follows from, and nothing else")
    func fingerprint() throws {
        let job = RunFixture.job()
        let own = try JobFingerprint.of(job)
        var same = job
        same.cluster.nodes = 99
        same.checkpoint = CheckpointSpecification(.steps(7))
        same.corpusPath = "/elsewhere"
        #expect(try JobFingerprint.of(same) == own)
        // A run that goes on beyond its steps keeps the states that it has.
        same.training.extend(to: job.training.steps + 50)
        #expect(same.training.steps == job.training.steps + 50)
        #expect(same.training.decaySteps == job.training.steps)
        #expect(try JobFingerprint.of(same) == own)
        same.training.extend(to: job.training.steps)
        #expect(same.training == job.training)
        let changes: [(inout JobSpecification) -> Void] = [
            { $0.training.seed += 1 }, { $0.training.steps += 1 }, { $0.model.gpt2?.hidden *= 2 },
            { $0.training.microbatch /= 2 }, { $0.training.beta2 = 0.9 },
            { $0.model.gpt2?.dropout = 0 }, { $0.initialWeightsPath = "/weights" },
        ]
        for change in changes {
            var other = job
            change(&other)
            #expect(try JobFingerprint.of(other) != own)
        }
    }
}
