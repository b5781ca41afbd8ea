import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("config.json of a GPT-2", .timeLimit(.minutes(5))) struct GPT2ConfigurationTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ changes: [String: String]) throws -> GPT2Configuration {
        let text = WeightFixture.configuration(changes)
        return try GPT2Configuration(contentsOf: folder.write("config.json", text))
    }

    @Test("what it leaves out is as in the published GPT-2")
    func defaults() throws {
        let configuration = try read([:])
        #expect(configuration.model.variant == .published)
        #expect(configuration.dropout == 0.1)
        #expect(configuration.unknownKeys == [])
    }

    @Test("every key that changes what is computed is taken over")
    func supported() throws {
        let changes: [(String, String, (inout ModelVariant) -> Void)] = [
            ("scale_attn_by_inverse_layer_idx", "true", { $0.scalesAttentionByBlock = true }),
            ("scale_attn_weights", "false", { $0.scalesAttention = false }),
            ("layer_norm_epsilon", "1e-6", { $0.normEpsilon = 1e-6 }),
            ("n_inner", "7", { $0.inner = 7 }), ("n_inner", "null", { _ in }),
            ("n_inner", "16", { _ in }), ("tie_word_embeddings", "false", { $0.tiesHead = false }),
            ("activation_function", "\"gelu\"", { $0.activation = .gelu }),
            ("activation_function", "\"gelu_pytorch_tanh\"", { _ in }),
            ("activation_function", "\"swish\"", { $0.activation = .silu }),
            ("reorder_and_upcast_attn", "true", { _ in }),
            ("quantization_config", "null", { _ in }), ("add_cross_attention", "false", { _ in }),
            ("pruned_heads", "{}", { _ in }), ("dtype", "\"bfloat16\"", { _ in }),
            ("architectures", "[\"GPT2ForSequenceClassification\"]", { _ in }),
        ]
        for (key, value, change) in changes {
            var variant = ModelVariant.published
            change(&variant)
            let found = try read([key: value])
            #expect(found.model.variant == variant, "\(key)")
            #expect(found.unknownKeys == [])
        }
    }

    @Test(
        "a key that we do not compute, or a value that makes no sense, is refused by name and value",
        arguments: [
            ("model_type", "\"llama\"", "llama"), ("model_type", "null", "null"),
            ("architectures", "[\"LlamaForCausalLM\"]", "LlamaForCausalLM"),
            ("add_cross_attention", "true", "true"),
            ("auto_map", "{\"AutoModel\": \"m.M\"}", "object"),
            ("quantization_config", "{\"bits\": 8}", "object"),
            ("pruned_heads", "{\"0\": [1]}", "object"),
            ("activation_function", "\"mish\"", "mish"), ("activation_function", "1", "1"),
            ("layer_norm_epsilon", "0", "0"), ("layer_norm_epsilon", "1e400", "1e400"),
            ("layer_norm_epsilon", "\"1e-5\"", "\"1e-5\""), ("scale_attn_weights", "1", "1"),
            ("scale_attn_by_inverse_layer_idx", "null", "null"),
            ("tie_word_embeddings", "\"no\"", "no"),
            ("n_layer", "1.0", "1.0"), ("n_layer", "true", "true"), ("n_head", "1e2", "1e2"),
            ("n_embd", "100000000000000000000", "100000000000000000000"),
            ("n_positions", "-3", "-3"),
            ("n_inner", "0", "0"), ("resid_pdrop", "1", "1"), ("attn_pdrop", "-0.1", "-0.1"),
        ]
    )
    func refused(key: String, value: String, shown: String) throws {
        let error = #expect(throws: OobleckError.self) { try read([key: value]) }
        #expect(error?.code == .inputData)
        let message = error?.message ?? ""
        #expect(message.contains(key) && message.contains(shown), "\(message)")
        #expect(message.contains("config.json"))
    }

    @Test("other names of the sizes count, and must agree")
    func aliases() throws {
        let text = WeightFixture.configuration([:])
        let other = text.replacingOccurrences(of: "n_embd", with: "hidden_size")
            .replacingOccurrences(of: "n_layer", with: "num_hidden_layers")
        let path = try folder.write("config.json", "\u{FEFF}" + other)
        #expect(try GPT2Configuration(contentsOf: path).model.hidden == 4)
        #expect(try read(["hidden_size": "4"]).model.hidden == 4)
        #expect(throws: OobleckError.self) { try read(["hidden_size": "5"]) }
    }

    @Test("keys that no GPT-2 has are listed; three different dropouts are none of ours")
    func others() throws {
        let found = try read(["rotary_pct": "0.5", "foo": "1", "use_cache": "true"])
        #expect(found.unknownKeys == ["foo", "rotary_pct"])
        #expect(try read(["attn_pdrop": "0"]).dropout == nil)
        let same = ["attn_pdrop": "0.2", "embd_pdrop": "0.2", "resid_pdrop": "0.2"]
        #expect(try read(same).dropout == 0.2)
    }

    @Test("what is written is read as the same model")
    func roundTrip() throws {
        var model = WeightFixture.model
        model.name = "gpt2"
        model.dropout = 0.3
        model.variant.positions = 9
        model.variant.inner = 6
        model.variant.tiesHead = false
        model.variant.activation = .relu
        model.variant.normEpsilon = 1e-6
        model.variant.scalesAttention = false
        model.variant.scalesAttentionByBlock = true
        let data = try JSONEncoder().encode(GPT2Configuration(model))
        let path = try folder.write("config.json", Array(data))
        let found = try GPT2Configuration(contentsOf: path)
        var wanted = model
        wanted.sequenceLength = 9
        wanted.variant.positions = nil
        #expect(found.model == wanted)
        #expect(found.unknownKeys == [])
        #expect(found.dropout == 0.3)
    }

    @Test("a published model is written as jobs always wrote it, and other ones come back whole")
    func specification() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let model = ModelSpecification.gpt2(WeightFixture.model)
        let text = String(decoding: try encoder.encode(model), as: UTF8.self)
        #expect(
            text == "{\"blocks\":1,\"dropout\":0.1,\"heads\":2,\"hidden\":4,\"name\":\"small\","
                + "\"sequenceLength\":3,\"vocabulary\":5}"
        )
        var other = WeightFixture.model
        other.variant.activation = .silu
        let data = try encoder.encode(other)
        #expect(try JSONDecoder().decode(ModelSpecification.self, from: data) == .gpt2(other))
        #expect(other != WeightFixture.model)
    }
}
