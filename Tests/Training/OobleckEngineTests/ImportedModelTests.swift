import Foundation
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor
import OobleckTestSupport
import Testing

@testable import OobleckEngine

/// Models of the `transformers` package and plain modules, imported, against eager PyTorch.
@Suite(
    "An imported model",
    .enabled(if: PythonTools.areThere),
    .serialized,
    .timeLimit(.minutes(10))
)
struct ImportedModelTests {
    /// Small models with random weights, their imports, and what eager PyTorch computes with them.
    private struct Case {
        let folder: String
        let model: ImportedModel
        let expected: SafetensorsReader
        /// What an independent interpreter computes of the layers with bfloat16.
        let short: SafetensorsReader

        init(_ folder: String) throws {
            self.folder = folder
            model = try ImportedFolder.open(path: folder + "/model")
            expected = try SafetensorsReader(folder + "/expected.safetensors")
            short = try SafetensorsReader(folder + "/bfloat16.safetensors")
        }

        func values(_ name: String) throws -> [Float] {
            try expected.floats(of: expected.tensor(named: name))
        }

        func batch() throws -> [String: Tensor] {
            var tensors: [String: Tensor] = [:]
            for description in model.manifest.batch {
                let stored = try expected.tensor(named: "batch." + description.name)
                let bytes = try expected.bytes(of: stored)
                let tensor = try Tensor.empty(description.shape, ElementType(description.kind))
                try tensor.withMutableBytes { target in
                    bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
                }
                tensors[description.name] = tensor
            }
            return tensors
        }
    }

    /// What the layers compute one after the other, as a pipeline of one-layer stages does.
    private struct Outcome {
        var loss: Double
        var count: Double
        var logits: [Float]
        var gradients: [String: [Float]] = [:]
    }

    private func run(
        _ network: ImportedNetwork,
        _ batch: [String: Tensor],
        precision: Precision? = nil
    ) throws -> Outcome {
        let model = ModelSpecification.imported(network.model)
        let states = try (0..<network.layerCount).map { layer in
            let state = try LayerState(layer: layer, model: model)
            try network.initialize(state, seed: 1)
            return state
        }
        let computation = StageComputation(
            model: network,
            seed: 1,
            layers: states,
            precision: precision
        )
        var passes: [StageComputation.LayerPass] = []
        for state in states {
            passes.append(
                try computation.forward(
                    state,
                    input: passes.last?.outputs ?? [],
                    batch: batch,
                    step: 0,
                    microbatch: 0
                )
            )
        }
        let last = try #require(passes.last)
        let further = try network.forward(
            states[states.count - 1],
            received: last.received.map { $0.isFloatingPoint ? try $0.cast(to: .float32) : $0 },
            batch: batch
        )
        .further
        var outcome = Outcome(
            loss: try last.outputs[0].item(),
            count: try #require(last.targetCount).item(),
            logits: try further[0].floats()
        )
        var seeds: [Tensor] = []
        let scale = Float(try #require(network.lossScale))
        for (state, pass) in zip(states, passes).reversed() {
            let gradients = try computation.backward(state, pass, seeds: seeds)
            seeds = gradients.received
            let names = network.model.manifest.layers[state.layer].parameters.map(\.name)
            for (name, gradient) in zip(names, gradients.parameters) {
                let values = try gradient.floats().map { $0 / scale }
                let sum = outcome.gradients[name].map { zip($0, values).map(+) }
                outcome.gradients[name] = sum ?? values
            }
        }
        return outcome
    }

    private func check(_ name: String, _ sample: Case) throws {
        let found = try run(try ImportedNetwork(sample.model), try sample.batch())
        #expect(try Float(found.loss) == sample.values("loss")[0], "loss of \(name)")
        #expect(try found.logits == sample.values("logits"), "logits of \(name)")
        let count = try sample.expected.bytes(of: sample.expected.tensor(named: "count"))
        #expect(Int(found.count) == Int(count[0]) | Int(count[1]) << 8, "targets of \(name)")
        let names = sample.expected.header.tensors.map(\.name).filter { $0.hasPrefix("grad.") }
        #expect(!names.isEmpty)
        for gradient in names {
            let wanted = try sample.values(gradient)
            let values = found.gradients[String(gradient.dropFirst("grad.".count))]
            #expect(values == wanted, "\(gradient) of \(name)")
        }
    }

    /// Every layer takes and gives bfloat16, as an interpreter does it that knows autocast alone.
    private func checkShort(_ name: String, _ sample: Case) throws {
        let network = try ImportedNetwork(sample.model)
        let found = try run(network, try sample.batch(), precision: .bfloat16)
        let loss = try sample.short.floats(of: sample.short.tensor(named: "loss"))[0]
        #expect(Float(found.loss) == loss, "loss of \(name) in bfloat16")
        for tensor in sample.short.header.tensors where tensor.name.hasPrefix("grad.") {
            let values = found.gradients[String(tensor.name.dropFirst("grad.".count))]
            #expect(
                try values == sample.short.floats(of: tensor),
                "\(tensor.name) of \(name) in bfloat16"
            )
        }
    }

    @Test("has eager PyTorch's loss, logits and gradients, bit by bit, also with bfloat16")
    func eager() throws {
        try TensorRuntime.initialize()
        let folder = try TemporaryFolder()
        let made = PythonTools.run([
            "-c",
            """
            import pathlib, sys
            sys.path.insert(0, sys.argv[1])
            import cases, interpreter, torch
            from safetensors.torch import save_file
            for name in cases.NAMES:
                folder = pathlib.Path(sys.argv[2]) / name
                expected = cases.make_case(name, folder)
                batch = {k[6:]: v for k, v in expected.items() if k.startswith("batch.")}
                short = interpreter.run(folder / "model", batch, torch.bfloat16)
                kept = {k: v.detach().float().contiguous() for k, v in short.items()
                        if k == "loss" or k.startswith("grad.")}
                save_file(kept, str(folder / "bfloat16.safetensors"))
            """,
            Checkout.path + "/Python/tests", folder.path,
        ])
        try #require(made.status == 0, "\(made.output.suffix(2000))")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names.count > 20)
        for name in names {
            let sample = try Case("\(folder.path)/\(name)")
            try check(name, sample)
            try checkShort(name, sample)
        }
    }
}
