import FoundationEssentials
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("Validation data", .timeLimit(.minutes(5)))
struct ValidationDataTests {
    /// A job with samples of three tokens.
    private static let job = TrainingFixture.job(
        ModelSpecification(
            name: "small",
            blocks: 1,
            hidden: 4,
            heads: 2,
            vocabulary: 256,
            sequenceLength: 3,
            dropout: 0
        )
    )

    private func load(_ count: Int, batches: Int? = nil) throws -> ValidationData? {
        let folder = try TemporaryFolder()
        var job = Self.job
        // Samples of three tokens, and one token more.
        let text = String(repeating: "abc", count: count) + "a"
        let path = folder.path + "/val.txt"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        job.validation = ValidationSpecification(every: 1, batches: batches, dataPath: path)
        return try ValidationData.load(job)
    }

    @Test("all whole batches are taken, or as many as the job says")
    func batches() throws {
        let batch = Self.job.training.globalBatch
        #expect(try load(batch)?.batches == 1)
        #expect(try load(3 * batch - 1)?.batches == 2)
        #expect(try load(3 * batch, batches: 2)?.batches == 2)
        #expect(try ValidationData.load(Self.job) == nil)
    }

    @Test("too few samples are refused with both numbers")
    func tooFew() throws {
        let batch = Self.job.training.globalBatch
        for (samples, batches) in [(batch - 1, nil), (2 * batch, 3)] as [(Int, Int?)] {
            do {
                _ = try load(samples, batches: batches)
                Issue.record("\(samples) samples are taken")
            } catch let error as OobleckError {
                #expect(error.code == .inputData)
                #expect(error.message.contains("has \(counted(samples, "sample")) to evaluate"))
                #expect(error.message.contains("take \((batches ?? 1) * batch)"))
            }
        }
    }

    @Test("the ids of validation data may be as wide as those of the training data, or otherwise")
    func format() throws {
        let folder = try TemporaryFolder()
        let count = 3 * Self.job.training.globalBatch + 1
        let path = try folder.write(
            "val.bin",
            (0..<count).flatMap { [UInt8($0 % 200), 0, 0, 0] }
        )
        func samples(_ training: Int?, _ own: ValidationSpecification.Format?) throws -> Int? {
            var job = Self.job
            job.corpusTokenBytes = training
            job.validation = ValidationSpecification(every: 1, dataPath: path, format: own)
            return try ValidationData.load(job)?.data.sampleCount()
        }
        let whole = Self.job.training.globalBatch
        #expect(try samples(4, nil) == whole)
        #expect(try samples(nil, .init(tokenBytes: 4)) == whole)
        #expect(try samples(2, .init(tokenBytes: 4)) == whole)
        // Without a word, ids have 16 bits, and these look wider.
        for training in [nil, 4] {
            #expect(throws: OobleckError.self) { try samples(training, .init()) }
        }
    }
}
