import Foundation
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor
import Testing

/// The checkout and the Python that `make test` sets up in it.
private enum Checkout {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static let python = root + "/.venv/bin/python"
    static let script = root + "/Tests/Python/check_gpt2.py"

    /// Whether the `transformers` package can be used here.
    static let hasTransformers: Bool =
        FileManager.default.isExecutableFile(atPath: python)
        && run(["-c", "import transformers"]).status == 0

    static func run(_ arguments: [String]) -> (status: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        do { try process.run() } catch { return (-1, "\(error)") }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}

private struct Probe {
    let model: GPT2
    let layers: [LayerState]
    let tokens: [Int64]
    let targets: [Int64]
    let batch = 2

    var shape: [Int] { [batch, model.specification.sequenceLength] }

    /// Runs all layers forward and backward, each as a graph of its own.
    func run() throws -> (logits: Tensor, loss: Double, gradients: [String: [Float]]) {
        let inputs = try Tensor.copying(tokens, shape: shape)
        let wanted = try Tensor.copying(targets, shape: shape)
        var passes: [(input: Tensor?, output: Tensor)] = []
        for state in layers {
            let input = try passes.last?.output.leaf(requiresGradient: true)
            let output =
                if let input {
                    try model.isHead(state.layer)
                        ? model.loss(input, targets: wanted, state) : model.block(input, state)
                } else {
                    try model.embed(inputs, state)
                }
            passes.append((input, output))
        }
        guard let head = layers.last, let headInput = passes.last?.input else { fatalError() }
        let logits = try model.logits(headInput, head)
        let loss = try passes[passes.count - 1].output.item()
        var gradients: [String: [Float]] = [:]
        var seed: Tensor?
        for (state, pass) in zip(layers, passes).reversed() {
            let leaves = (0..<state.parameterCount).map { state.leaf($0) }
            let inputs = (pass.input.map { [$0] } ?? []) + leaves
            var results = try pass.output.gradients(of: inputs, seed: seed)[...]
            seed = pass.input == nil ? nil : results.removeFirst()
            let names = ParameterLayout.parameters(
                ofLayer: state.layer,
                model: model.specification
            )
            for (parameter, gradient) in zip(names, results) {
                let isTied =
                    model.specification.tiesHead && parameter.name == ParameterLayout.headWeight
                let name = isTied ? ParameterLayout.tokenEmbedding : parameter.name
                let values = try gradient.floats()
                gradients[name] = gradients[name].map { zip($0, values).map(+) } ?? values
            }
        }
        return (logits, loss, gradients)
    }
}

@Suite("GPT-2 against the transformers package", .timeLimit(.minutes(5)))
struct TransformersTests {
    private let specification = GPT2Specification(
        name: "probe",
        blocks: 3,
        hidden: 48,
        heads: 4,
        vocabulary: 97,
        sequenceLength: 32,
        dropout: 0
    )

    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "oobleck-transformers-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true
        )
        return path
    }

    private func layers(_ fill: (LayerState) throws -> Void) throws -> [LayerState] {
        try (0..<specification.layerCount).map { layer in
            let state = try LayerState(layer: layer, model: .gpt2(specification))
            try fill(state)
            return state
        }
    }

    private func writeWeights(_ layers: [LayerState], to folder: String) throws {
        var shapes: [(TensorShape, [Float])] = []
        for state in layers {
            let names = ParameterLayout.parameters(ofLayer: state.layer, model: specification)
            for (index, shape) in names.enumerated()
            where shape.name != ParameterLayout.headWeight {
                shapes.append((shape, try state.leaf(index).floats()))
            }
        }
        let writer = try SafetensorsWriter(
            folder + "/model.safetensors",
            header: Safetensors.Header(tensors: shapes.map(\.0), metadata: ["format": "pt"])
        )
        for (_, values) in shapes { try writer.append(values) }
        try writer.publish()
        let configuration = try JSONEncoder().encode(GPT2Configuration(specification))
        try configuration.write(to: URL(fileURLWithPath: folder + "/config.json"))
    }

    @Test(
        "logits, loss and gradients agree within 1e-5",
        .enabled(if: Checkout.hasTransformers, "needs transformers: make test installs it")
    )
    func agrees() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let layers = try layers { state in
            try GPT2(specification).initialize(state, seed: 7)
            // Biases and norms away from 0 and 1, so that a mistake in them shows.
            for index in 0..<state.parameterCount where state.leaf(index).shape.count == 1 {
                let leaf = state.leaf(index)
                let values = try leaf.floats().enumerated().map { offset, value in
                    value + 0.1 * Float((offset * 7 + index) % 11 - 5)
                }
                try leaf.leaf(requiresGradient: false)
                    .copy(from: Tensor.copying(values, shape: leaf.shape))
            }
        }
        let count = 2 * specification.sequenceLength
        let probe = Probe(
            model: GPT2(specification),
            layers: layers,
            tokens: (0..<count).map { Int64($0 * 31 % 97) },
            targets: (0..<count).map { Int64($0 * 17 % 89) }
        )
        let (logits, loss, gradients) = try probe.run()
        try writeWeights(layers, to: folder)
        var tensors: [(TensorShape, [Float])] = [
            (TensorShape("input_ids", probe.shape), probe.tokens.map(Float.init)),
            (TensorShape("targets", probe.shape), probe.targets.map(Float.init)),
            (TensorShape("logits", probe.shape + [97]), try logits.floats()),
            (TensorShape("loss", [1]), [Float(loss)]),
        ]
        for layer in 0..<specification.layerCount {
            for shape in ParameterLayout.parameters(ofLayer: layer, model: specification)
            where shape.name != ParameterLayout.headWeight {
                let gradient = try #require(gradients[shape.name])
                tensors.append((TensorShape("grad." + shape.name, shape.dimensions), gradient))
            }
        }
        let writer = try SafetensorsWriter(
            folder + "/probe.safetensors",
            header: Safetensors.Header(tensors: tensors.map(\.0))
        )
        for (_, values) in tensors { try writer.append(values) }
        try writer.publish()
        let result = Checkout.run([Checkout.script, folder, folder + "/probe.safetensors"])
        #expect(result.status == 0, "\(result.output)")
    }

    @Test(
        "weights that transformers saved give its logits here",
        .enabled(if: Checkout.hasTransformers, "needs transformers: make test installs it")
    )
    func importsWeights() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let saved = Checkout.run([Checkout.script, "--save-reference", folder])
        #expect(saved.status == 0, "\(saved.output)")
        let weights = try WeightFolder(path: folder)
        try weights.requireFit(specification)
        let layers = try layers {
            try GPT2(specification, weights: weights).initialize($0, seed: 0)
        }
        let reference = try SafetensorsReader(folder + "/probe.safetensors")
        func values(_ name: String) throws -> [Float] {
            try reference.floats(of: reference.tensor(named: name))
        }
        let probe = Probe(
            model: GPT2(specification),
            layers: layers,
            tokens: try values("input_ids").map { Int64($0) },
            targets: try values("targets").map { Int64($0) }
        )
        let logits = try probe.run().logits.floats()
        let expected = try values("logits")
        let largest = expected.map(abs).max() ?? 0
        let difference = zip(logits, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference <= 1e-5 * largest)
    }

    /// Keys of a configuration that change what is computed.
    private static let variants = [
        "{\"scale_attn_by_inverse_layer_idx\": true}", "{\"scale_attn_weights\": false}",
        "{\"reorder_and_upcast_attn\": true}", "{\"n_inner\": 80, \"n_positions\": 64}",
        "{\"layer_norm_epsilon\": 0.01}", "{\"tie_word_embeddings\": false}",
        "{\"activation_function\": \"gelu\"}", "{\"activation_function\": \"relu\"}",
        "{\"activation_function\": \"silu\"}", "{\"activation_function\": \"tanh\"}",
        "{\"activation_function\": \"quick_gelu\"}", "{\"activation_function\": \"gelu_fast\"}",
    ]

    @Test(
        "what config.json may say otherwise gives the loss and gradients of transformers",
        .enabled(if: Checkout.hasTransformers, "needs transformers: make test installs it"),
        arguments: ["float32", "bfloat16"]
    )
    func variants(type: String) throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let configs = Self.variants.flatMap { ["--config", $0] }
        let saved = Checkout.run(
            [Checkout.script, "--save-reference", folder, "--type", type] + configs
        )
        try #require(saved.status == 0, "\(saved.output)")
        for (index, config) in Self.variants.enumerated() {
            try checkVariant("\(folder)/\(index)", config)
        }
    }

    /// Compares loss, logits and gradients with those beside the weights.
    private func checkVariant(_ folder: String, _ config: String) throws {
        let weights = try WeightFolder(path: folder)
        var model = weights.model
        model.dropout = 0
        model.sequenceLength = specification.sequenceLength
        model.variant.positions = weights.model.positionCount
        try weights.requireFit(model)
        let layers = try (0..<model.layerCount).map { layer in
            let state = try LayerState(layer: layer, model: .gpt2(model))
            try GPT2(model, weights: weights).initialize(state, seed: 0)
            return state
        }
        let reference = try SafetensorsReader(folder + "/probe.safetensors")
        func values(_ name: String) throws -> [Float] {
            try reference.floats(of: reference.tensor(named: name))
        }
        let probe = Probe(
            model: GPT2(model),
            layers: layers,
            tokens: try values("input_ids").map { Int64($0) },
            targets: try values("targets").map { Int64($0) }
        )
        let (logits, loss, gradients) = try probe.run()
        func compare(_ name: String, _ found: [Float]) throws {
            let expected = try values(name)
            let largest = expected.map(abs).max() ?? 0
            try #require(found.count == expected.count)
            let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference <= 1e-5 * largest, "\(name) of \(config)")
        }
        try compare("loss", [Float(loss)])
        try compare("logits", try logits.floats())
        let names = reference.header.tensors.map(\.name).filter { $0.hasPrefix("grad.") }
        #expect(names.contains("grad.lm_head.weight") == !model.tiesHead)
        for name in names {
            try compare(name, try #require(gradients[String(name.dropFirst("grad.".count))]))
        }
    }

    @Test("the same seed makes the same layer, another seed another; tied copies are equal")
    func initialization() throws {
        let first = try layers { try GPT2(specification).initialize($0, seed: 3) }
        let again = try layers { try GPT2(specification).initialize($0, seed: 3) }
        let other = try layers { try GPT2(specification).initialize($0, seed: 4) }
        for layer in first.indices {
            #expect(try first[layer].digest() == again[layer].digest())
            #expect(try first[layer].digest() != other[layer].digest())
        }
        let head = try #require(first.last)
        #expect(try head.leaf(2).floats() == first[0].leaf(0).floats())
        #expect(try first[1].digest() != first[2].digest())
    }

    @Test("layers initialised on several threads at once come out as on one")
    func concurrentInitialization() async throws {
        func digests(seed: UInt64) throws -> [String] {
            let layers = try layers { try GPT2(specification).initialize($0, seed: seed) }
            return try layers.map { "\(try $0.digest())" }
        }
        let seeds: [UInt64] = Array(1...8)
        let expected = try seeds.map(digests)
        let found = try await withThrowingTaskGroup(of: (UInt64, [String]).self) { group in
            for seed in seeds { group.addTask { (seed, try digests(seed: seed)) } }
            return try await group.reduce(into: [UInt64: [String]]()) { $0[$1.0] = $1.1 }
        }
        #expect(seeds.map { found[$0] } == expected)
    }

    @Test("initial weights have GPT-2's deviations")
    func deviations() throws {
        let layers = try layers { try GPT2(specification).initialize($0, seed: 5) }
        func deviation(_ values: [Float]) -> Double {
            let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
            let squares = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
            return (squares / Double(values.count)).squareRoot()
        }
        // 6912 and 9216 draws: the relative standard error of a deviation is below 1 %.
        #expect(abs(deviation(try layers[1].leaf(2).floats()) / 0.02 - 1) < 0.05)
        let residual = 0.02 / 6.0.squareRoot()
        #expect(abs(deviation(try layers[1].leaf(10).floats()) / residual - 1) < 0.05)
        #expect(try layers[1].leaf(0).floats().allSatisfy { $0 == 1 })
        #expect(try layers[1].leaf(11).floats().allSatisfy { $0 == 0 })
    }
}
