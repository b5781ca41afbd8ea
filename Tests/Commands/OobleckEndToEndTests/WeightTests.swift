import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import Testing

@Suite("From weights to weights", .serialized, .timeLimit(.minutes(10)))
struct WeightTests {
    /// A model with a head of its own, more positions than samples have tokens, and scaled attention.
    private static let model: GPT2Specification = {
        var variant = ModelVariant.published
        variant.tiesHead = false
        variant.scalesAttentionByBlock = true
        variant.positions = 96
        return GPT2Specification(
            name: "gpt2",
            blocks: Laboratory.blocks,
            hidden: 64,
            heads: 4,
            vocabulary: 256,
            sequenceLength: 64,
            dropout: 0.1,
            variant: variant
        )
    }()

    /// Writes the model with made-up numbers as `save_pretrained` would.
    private func writeWeights(to folder: String, spoiling spoiled: String? = nil) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let shapes = (0..<Self.model.layerCount)
            .flatMap { ParameterLayout.parameters(ofLayer: $0, model: Self.model) }
        let writer = try SafetensorsWriter(
            folder + "/model.safetensors",
            header: Safetensors.Header(tensors: shapes, metadata: ["format": "pt"])
        )
        var state: UInt64 = 1
        for shape in shapes {
            let isNorm = shape.name.contains("ln_") && shape.name.hasSuffix("weight")
            var values = (0..<shape.elementCount).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(state >> 40) / Float(1 << 24) * 0.08 - 0.04 + (isNorm ? 1 : 0)
            }
            if shape.name == spoiled { values[3] = .nan }
            try writer.append(values)
        }
        try writer.publish()
        let data = try JSONEncoder().encode(GPT2Configuration(Self.model))
        try data.write(to: URL(fileURLWithPath: folder + "/config.json"))
    }

    @Test("a model of another variant survives a loss exactly, and is exported as it is")
    func variant() throws {
        let laboratory = try Laboratory()
        try writeWeights(to: laboratory.path("weights"))
        try laboratory.edit {
            $0.replacingOccurrences(of: "dropout:", with: "initial_weights: weights, dropout:")
        }
        let reference = try laboratory.train("reference", ["--reference"])
        try #require(reference.status == 0, "\(reference.errors)")
        let fault = "node=2,point=mid-backward,step=3,target=worker"
        let outcome = try laboratory.train("run", ["--nodes", "4", "--fault", fault])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let result = try laboratory.result("run")
        #expect(result.failures == 1)
        #expect(result.stateSHA256 == (try laboratory.result("reference")).stateSHA256)
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")

        let exported = try laboratory.run([
            "export", laboratory.path("run"), "--to", laboratory.path("out"),
        ])
        try #require(exported.status == 0, "\(exported.errors)")
        let weights = try WeightFolder(path: laboratory.path("out"))
        #expect(weights.model.variant.tiesHead == false)
        #expect(weights.model.variant.scalesAttentionByBlock)
        #expect(weights.model.positionCount == 96)
        try weights.requireFit(Self.model)
        // No sample reaches the last positions: weight decay alone changes them, all alike.
        let shape = TensorShape(ParameterLayout.positionEmbedding, [96, 64])
        let before = try WeightFolder(path: laboratory.path("weights")).parameter(
            shape,
            of: Self.model
        )
        let after = try weights.parameter(shape, of: Self.model)
        let decay = Double(after[64 * 64]) / Double(before[64 * 64])
        #expect(decay < 1 && decay > 0.999)
        for index in 64 * 64..<96 * 64 {
            // Eight roundings to float32, and one of the ratio.
            #expect(abs(Double(after[index]) - decay * Double(before[index])) <= 1e-6 * 0.04)
        }
        #expect(after[..<(64 * 64)] != before[..<(64 * 64)])
    }

    @Test("weights that are not finite are refused before anything starts")
    func notFinite() throws {
        let laboratory = try Laboratory()
        let name = "transformer.h.1.mlp.c_fc.bias"
        try writeWeights(to: laboratory.path("weights"), spoiling: name)
        try laboratory.edit {
            $0.replacingOccurrences(of: "dropout:", with: "initial_weights: weights, dropout:")
        }
        let outcome = try laboratory.train("run")
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("tensor \(name) of the initial weights is not finite"))
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("run")))
    }

    @Test("a run whose steps were all skipped knows no loss, says so, and fails")
    func nothingTrained() throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train(
            "run",
            ["--reference", "--steps", "1", "--fault", "kind=nan,step=0,microbatch=0,layer=1"]
        )
        #expect(outcome.status == 65)
        #expect(outcome.output.contains("1 step, no step counted, no loss is known"))
        #expect(outcome.errors.contains("nothing was trained"))
        #expect(try laboratory.result("run").finalLoss == nil)
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact && report.skippedSteps == 1, "\(report.violations)")
    }
}
