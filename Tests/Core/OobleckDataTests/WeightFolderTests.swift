import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct WeightFolderTests {
    let folder: TemporaryFolder
    private let model = GPT2Specification(
        name: "small",
        blocks: 1,
        hidden: 4,
        heads: 2,
        vocabulary: 5,
        sequenceLength: 3,
        dropout: 0.1
    )

    init() throws { folder = try TemporaryFolder() }

    private static let configuration =
        "{\"model_type\":\"gpt2\",\"n_layer\":1,\"n_embd\":4,\"n_head\":2,\"n_positions\":3,"
        + "\"vocab_size\":5,\"summary_type\":\"cls_index\",\"n_ctx\":3}"

    /// Values count up through the whole file.
    private func writeWeights(dropping prefix: String, without: String = "") throws {
        let shapes = (0..<model.layerCount)
            .flatMap { ParameterLayout.parameters(ofLayer: $0, model: model) }
            .filter { $0.name != ParameterLayout.headWeight && $0.name != without }
            .map { shape in
                shape.name.hasPrefix(prefix)
                    ? TensorShape(String(shape.name.dropFirst(prefix.count)), shape.dimensions)
                    : shape
            }
        let writer = try SafetensorsWriter(
            folder.path + "/model.safetensors",
            header: Safetensors.Header(tensors: shapes)
        )
        try writer.append((0..<shapes.map(\.elementCount).reduce(0, +)).map(Float.init))
        try writer.publish()
    }

    @Test(
        "weights are found with and without prefix, the head is the tied embedding",
        arguments: ["", "transformer."]
    )
    func names(prefix: String) throws {
        _ = try folder.write("config.json", Self.configuration)
        try writeWeights(dropping: prefix)
        let weights = try WeightFolder(path: folder.path)
        try weights.requireFit(model)
        let embedding = (0..<20).map(Float.init)
        let last = ParameterLayout.parameters(ofLayer: 2, model: model)
        #expect(
            try weights.parameter(TensorShape("transformer.wte.weight", [5, 4]), of: model)
                == embedding
        )
        #expect(try weights.parameter(last[2], of: model) == embedding)
        #expect(
            try weights.parameter(TensorShape("transformer.wpe.weight", [2, 4]), of: model)
                == (20..<28).map(Float.init)
        )
    }

    @Test("weights that do not fit the model are refused by name and size")
    func misfits() throws {
        _ = try folder.write("config.json", Self.configuration)
        try writeWeights(dropping: "")
        let weights = try WeightFolder(path: folder.path)
        let changes: [(String, (inout GPT2Specification) -> Void)] = [
            ("blocks", { $0.blocks = 2 }), ("hidden", { $0.hidden = 8 }),
            ("heads", { $0.heads = 1 }), ("vocabulary", { $0.vocabulary = 6 }),
            ("sequence_length", { $0.sequenceLength = 4 }),
        ]
        for (name, change) in changes {
            var other = model
            change(&other)
            let error = #expect(throws: OobleckError.self) { try weights.requireFit(other) }
            #expect(error?.message.contains(name) == true)
        }
        try writeWeights(dropping: "", without: "transformer.ln_f.bias")
        let incomplete = try WeightFolder(path: folder.path)
        let error = #expect(throws: OobleckError.self) { try incomplete.requireFit(model) }
        #expect(error?.message.contains("transformer.ln_f.bias") == true)
    }

    @Test(
        "a configuration that is not a GPT-2 we compute is refused",
        arguments: [
            "", "{}", "{\"model_type\":\"llama\"}",
            configuration.replacing("gpt2", with: "bert"),
            configuration.replacing("\"n_embd\":4", with: "\"n_embd\":0"),
            configuration.replacing("}", with: ",\"activation_function\":\"mish\"}"),
        ]
    )
    func configurations(text: String) throws {
        _ = try folder.write("config.json", text)
        try writeWeights(dropping: "")
        let error = #expect(throws: OobleckError.self) { try WeightFolder(path: folder.path) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("config.json") == true)
    }
}
