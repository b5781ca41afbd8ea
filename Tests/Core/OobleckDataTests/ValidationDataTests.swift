import FoundationEssentials
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("Validation data")
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
}
