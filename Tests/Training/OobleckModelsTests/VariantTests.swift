import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor
import Testing

@Suite("Variants of GPT-2", .timeLimit(.minutes(5))) struct VariantTests {
    private static let model = GPT2Specification(
        name: "odd",
        blocks: 1,
        hidden: 6,
        heads: 2,
        vocabulary: 11,
        sequenceLength: 5,
        dropout: 0
    )

    private func layers(_ model: GPT2Specification) throws -> [LayerState] {
        try (0..<model.layerCount).map { layer in
            let state = try LayerState(layer: layer, model: .gpt2(model))
            try GPT2(model).initialize(state, seed: 3)
            return state
        }
    }

    @Test("a head of its own is part of the head's layer, starts otherwise, and is never shared")
    func untied() throws {
        var model = Self.model
        model.variant.tiesHead = false
        let layers = try layers(model)
        #expect(layers.allSatisfy { $0.tied.isEmpty })
        let embeddings = ["transformer.wte.weight", "transformer.wpe.weight"]
        #expect(layers[0].own.entries.map(\.parameter.name) == embeddings)
        #expect(layers[2].own.entries.contains { $0.parameter.name == "lm_head.weight" })
        #expect(try layers[2].leaf(2).floats() != layers[0].leaf(0).floats())
        // The layers of a tied model keep their numbers and their digests.
        let tied = try self.layers(Self.model)
        #expect(try tied[0].digest() == layers[0].digest())
        #expect(try tied[1].digest() == layers[1].digest())
    }

    @Test("positions that no sample reaches are part of the state, and get no gradient")
    func positions() throws {
        var model = Self.model
        model.variant.positions = 8
        let layers = try layers(model)
        #expect(layers[0].leaf(1).shape == [8, 6])
        let tokens = try Tensor.copying((0..<10).map { Int64($0) }, shape: [2, 5])
        let output = try GPT2(model).embed(tokens, layers[0])
        #expect(output.shape == [2, 5, 6])
        let seed = try Tensor.copying([Float](repeating: 1, count: 60), shape: [2, 5, 6])
        let gradient = try output.gradients(of: [layers[0].leaf(1)], seed: seed)[0].floats()
        #expect(gradient == [Float](repeating: 2, count: 30) + [Float](repeating: 0, count: 18))
    }
}
