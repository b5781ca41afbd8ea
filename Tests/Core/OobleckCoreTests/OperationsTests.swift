import OobleckCore
import Testing

@Suite("Operations of a model", .timeLimit(.minutes(5)))
struct OperationsTests {
    @Test("GPT-2's are those of the published formula")
    func formula() throws {
        // GPT-3 of 175 billion parameters: Narayanan et al. (2021), table 1, trains it with a sequence of 2048.
        let (layers, width, tokens, words) = (96.0, 12288.0, 2048.0, 51200.0)
        let model = ModelSpecification(
            name: "GPT-3",
            blocks: 96,
            hidden: 12288,
            heads: 96,
            vocabulary: 51200,
            sequenceLength: 2048,
            dropout: 0
        )
        let published =
            72 * tokens * layers * width * width
            * (1 + tokens / (6 * width) + words / (12 * layers * width))
        let operations = try #require(model.operationsPerSample)
        #expect(abs(operations / published - 1) < 1e-12)
        // About six for each parameter and token.
        #expect(abs(operations / (6 * 174.6e9 * tokens) - 1) < 0.05)
    }
}
