import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("Jobs that start from weights", .timeLimit(.minutes(5))) struct JobWeightsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let model = GPT2Specification(
        name: "small",
        blocks: 1,
        hidden: 4,
        heads: 2,
        vocabulary: 5,
        sequenceLength: 6,
        dropout: 0
    )

    /// Zeros, with one number of the head other than zero if wanted.
    private func writeWeights(
        _ keys: String = "",
        dropout: String = "0",
        head: Float? = nil
    ) throws {
        var shapes = (0..<Self.model.layerCount)
            .flatMap { ParameterLayout.parameters(ofLayer: $0, model: Self.model) }
        if head == nil { shapes.removeAll { $0.name == ParameterLayout.headWeight } }
        try FileManager.default.createDirectory(
            atPath: folder.path + "/w",
            withIntermediateDirectories: true
        )
        let writer = try SafetensorsWriter(
            folder.path + "/w/model.safetensors",
            header: Safetensors.Header(tensors: shapes)
        )
        for shape in shapes {
            var values = [Float](repeating: 0, count: shape.elementCount)
            if shape.name == ParameterLayout.headWeight { values[0] = head ?? 0 }
            try writer.append(values)
        }
        try writer.publish()
        _ = try folder.write(
            "w/config.json",
            """
            {"model_type": "gpt2", "n_layer": 1, "n_embd": 4, "n_head": 2, "vocab_size": 5,
             "n_positions": 6, "attn_pdrop": \(dropout), "embd_pdrop": 0, "resid_pdrop": 0\(keys)}
            """
        )
    }

    private func load(_ model: String) throws -> GPT2Specification {
        let text = "model: {initial_weights: w\(model)}\ndata: {corpus: a.txt}\n"
        return try #require(JobFile.load(path: folder.write("job.yaml", text)).model.gpt2)
    }

    private func failure(_ model: String) -> String {
        let error = #expect(throws: OobleckError.self) { try load(model) }
        #expect(error?.code == .inputData)
        return error?.message ?? ""
    }

    private static let sizes = ", blocks: 1, hidden: 4, heads: 2"

    @Test("sizes, dropout and variant are those of the weights where the job leaves them out")
    func adoption() throws {
        try writeWeights(", \"scale_attn_by_inverse_layer_idx\": true, \"n_inner\": 16")
        let model = try load("")
        var wanted = Self.model
        wanted.name = model.name
        wanted.variant.scalesAttentionByBlock = true
        #expect(model == wanted)
        #expect(try load(Self.sizes + ", vocabulary: 5") == wanted)
        #expect(try load(", dropout: 0.25").dropout == 0.25)
        #expect(failure(", preset: gpt2").contains("blocks 1; the job says 12"))
        #expect(failure(", vocabulary: 7").contains("vocabulary 5; the job says 7"))
    }

    @Test("positions past the sequence length stay part of the model")
    func positions() throws {
        try writeWeights()
        let model = try load(", sequence_length: 4")
        #expect(model.sequenceLength == 4 && model.positionCount == 6)
        let message = failure(", sequence_length: 7")
        #expect(message.contains("sequence_length is 7; the model has 6 positions"), "\(message)")
    }

    @Test("dropouts that differ have to be decided by the job")
    func dropouts() throws {
        try writeWeights(dropout: "0.1")
        #expect(failure("").contains("attn_pdrop 0.1, embd_pdrop 0.0 and resid_pdrop 0.0"))
        #expect(try load(", dropout: 0").dropout == 0)
    }

    @Test("a head that differs though the configuration ties it has to be decided by the job")
    func tying() throws {
        try writeWeights(head: 1)
        #expect(failure("").contains("add tie_word_embeddings: false to keep the head"))
        #expect(try !load(", tie_word_embeddings: false").tiesHead)
        #expect(try load(", tie_word_embeddings: true").tiesHead)
        #expect(failure(", tie_word_embeddings: maybe").contains("true or false"))
        try writeWeights(head: 0)
        #expect(try load("").tiesHead)
        try writeWeights(", \"tie_word_embeddings\": false", head: 1)
        #expect(try !load("").tiesHead)
    }

    @Test("a model without weights may have a head of its own")
    func fromScratch() throws {
        let text = "model: {tie_word_embeddings: false}\ndata: {corpus: a.txt}\n"
        let model = try #require(JobFile.load(path: folder.write("job.yaml", text)).model.gpt2)
        #expect(!model.tiesHead && model.positionCount == 1024)
    }
}
