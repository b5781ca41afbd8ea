import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor
import Testing

@Suite(.timeLimit(.minutes(5))) struct LayerBytesTests {
    private static let gpt2 = GPT2Specification(
        name: "odd",
        blocks: 1,
        hidden: 6,
        heads: 2,
        vocabulary: 11,
        sequenceLength: 5,
        dropout: 0
    )
    private static let model = ModelSpecification.gpt2(gpt2)

    @Test("a layer's copy has its digest, and gives the same layer back", arguments: 0..<3)
    func roundTrip(layer: Int) throws {
        let state = try LayerState(layer: layer, model: Self.model)
        try GPT2(Self.gpt2).initialize(state, seed: 7)
        for (index, segment) in state.segments.enumerated() {
            for (place, moment) in [segment.firstMoment, segment.secondMoment].enumerated() {
                // The padding between parameters is zero for ever: only they are filled.
                for entry in segment.entries {
                    let view = try moment.view(
                        from: entry.offset,
                        shape: [entry.parameter.elementCount]
                    )
                    try view.fillNormal(
                        deviation: 1,
                        seed: UInt64(100 * index + 10 * place + entry.offset)
                    )
                }
            }
        }
        let bytes = try state.stateBytes(model: Self.model)
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        #expect(hasher.hexadecimal == (try state.digest()))
        let copy = try LayerState(layer: layer, model: Self.model)
        #expect(try copy.digest() != state.digest())
        try copy.load(stateBytes: bytes)
        #expect(try copy.digest() == state.digest())
        for (left, right) in zip(state.buffers, copy.buffers) {
            #expect(try left.floats() == right.floats())
        }
    }

    @Test("a parameter that is not trained begins as it does when it is", arguments: 0..<3)
    func frozenFromTheSeed(layer: Int) throws {
        let whole = try LayerState(layer: layer, model: Self.model)
        let part = try LayerState(
            layer: layer,
            model: Self.model,
            trained: TrainedParameters(["*.bias"])
        )
        try GPT2(Self.gpt2).initialize(whole, seed: 7)
        try GPT2(Self.gpt2).initialize(part, seed: 7)
        #expect(try part.digest() == whole.digest())
    }

    @Test("frozen parameters have no moments in memory, and zeros for them in the state's file")
    func frozen() throws {
        let layer = 1
        let whole = try LayerState(layer: layer, model: Self.model)
        let trained = TrainedParameters(["*.bias"])
        let part = try LayerState(layer: layer, model: Self.model, trained: trained)
        try GPT2(Self.gpt2).initialize(whole, seed: 7)
        try part.load(stateBytes: whole.stateBytes(model: Self.model))
        #expect(try part.stateBytes(model: Self.model) == whole.stateBytes(model: Self.model))
        #expect(try part.digest() == whole.digest())
        let frozen = try #require(part.frozen)
        #expect(frozen.isStill && !part.own.isStill)
        #expect(frozen.buffers.count == 1 && part.own.buffers.count == 3)
        #expect(part.byteCount == ByteCount(12 * part.own.count + 4 * frozen.count))
        let copy = try LayerState(layer: layer, model: Self.model, trained: trained)
        try copy.load(stateBytes: part.stateBytes(model: Self.model))
        #expect(try copy.digest() == whole.digest())
        let before = try part.fastDigest()
        #expect(try copy.fastDigest() == before)
        try frozen.parameters.withMutableBytes { unsafe $0[2] ^= 0x10 }
        #expect(try part.fastDigest() != before)
    }
}
