import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct StateDigestTests {
    private let model = ModelSpecification(
        name: "small",
        blocks: 2,
        hidden: 4,
        heads: 2,
        vocabulary: 7,
        sequenceLength: 3,
        dropout: 0
    )

    @Test("the state digest is SHA-256 of the step and the layers' digests, a line each")
    func state() {
        // hashlib.sha256(b"step 200\nlayer 0 aa\nlayer 1 bb\n")
        #expect(
            StateDigest.state(step: 200, layerDigests: ["aa", "bb"])
                == "f177d623e38fb4ad4dd5609681f227eca2d8e86990c92fb50c5e2d8b489d77bb"
        )
        #expect(
            StateDigest.state(step: 200, layerDigests: ["bb", "aa"])
                != StateDigest.state(step: 200, layerDigests: ["aa", "bb"])
        )
    }

    @Test("SHA-256 in pieces is that of FIPS 180-2's example")
    func hasher() {
        var hasher = SHA256Hasher()
        hasher.update("a")
        hasher.update([UInt8(ascii: "b"), UInt8(ascii: "c")])
        #expect(
            hasher.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
    }

    @Test("the parameters are as many as GPT-2 has, head tied")
    func parameterCounts() {
        func count(_ blocks: Int, _ hidden: Int) -> Int {
            let model = ModelSpecification(
                name: "",
                blocks: blocks,
                hidden: hidden,
                heads: 1,
                vocabulary: 50_257,
                sequenceLength: 1024,
                dropout: 0
            )
            return (0..<model.layerCount)
                .flatMap { ParameterLayout.parameters(ofLayer: $0, model: model) }
                .filter { $0.name != ParameterLayout.headWeight }
                .map(\.elementCount).reduce(0, +)
        }
        // The counts that `GPT2LMHeadModel.num_parameters()` gives for gpt2 and gpt2-xl.
        #expect(count(12, 768) == 124_439_808)
        #expect(count(48, 1600) == 1_557_611_200)
    }

    @Test("a layer's state is each parameter followed by its moments, names in layer order")
    func layout() {
        let names = ParameterLayout.stateTensors(ofLayer: 3, model: model).map(\.name)
        #expect(
            names == [
                "transformer.ln_f.weight", "transformer.ln_f.weight.exp_avg",
                "transformer.ln_f.weight.exp_avg_sq", "transformer.ln_f.bias",
                "transformer.ln_f.bias.exp_avg", "transformer.ln_f.bias.exp_avg_sq",
                "lm_head.weight", "lm_head.weight.exp_avg", "lm_head.weight.exp_avg_sq",
            ]
        )
        let block = ParameterLayout.parameters(ofLayer: 2, model: model)
        #expect(block.count == 12)
        #expect(block[2] == TensorShape("transformer.h.1.attn.c_attn.weight", [4, 12]))
        #expect(block[10] == TensorShape("transformer.h.1.mlp.c_proj.weight", [16, 4]))
    }

    @Test("the digest of a layer's file is the digest of its tensors' bytes alone")
    func layerFile() throws {
        let folder = try TemporaryFolder()
        let header = StateDigest.header(ofLayer: 0, model: model)
        let data = (0..<header.dataSize).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let path = try folder.write("l.safetensors", header.bytes + data)
        var hasher = SHA256Hasher()
        hasher.update(data)
        #expect(try StateDigest.layer(fileAt: path) == hasher.hexadecimal)
        #expect(header.dataSize == 3 * 4 * (7 * 4 + 3 * 4))
    }
}
