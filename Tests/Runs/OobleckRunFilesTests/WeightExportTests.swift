import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct WeightExportTests {
    @Test("what is exported is imported as the same parameters, without the tied head")
    func roundTrip() throws {
        let run = try RunFixture()
        let folder = run.folder.path + "/weights/small"
        try WeightExport.export(run: run.path, to: folder)
        let weights = try WeightFolder(path: folder)
        let model = try #require(RunFixture.model.gpt2)
        try weights.requireFit(model)
        let file = try SafetensorsReader(folder + "/model.safetensors")
        #expect(file.header.metadata == ["format": "pt"])
        #expect(file.header.tensor(named: "lm_head.weight") == nil)
        for layer in 0..<RunFixture.model.layerCount {
            let path = run.path + "/checkpoints/step-000005/layer-00\(layer).safetensors"
            let state = try SafetensorsReader(path)
            let parameters = ParameterLayout.parameters(ofLayer: layer, model: RunFixture.model)
            for parameter in parameters {
                #expect(
                    try weights.parameter(parameter, of: model)
                        == state.floats(of: state.tensor(named: parameter.name))
                )
            }
        }
    }

    @Test("the configuration has what GPT2LMHeadModel.from_pretrained needs")
    func configuration() throws {
        let run = try RunFixture()
        let folder = run.folder.path + "/weights"
        try WeightExport.export(run: run.path, to: folder)
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/config.json"))
        let fields = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(fields["model_type"] as? String == "gpt2")
        #expect(fields["architectures"] as? [String] == ["GPT2LMHeadModel"])
        #expect(fields["activation_function"] as? String == "gelu_new")
        #expect(fields["n_layer"] as? Int == 1)
        #expect(fields["n_embd"] as? Int == 4)
        #expect(fields["n_head"] as? Int == 2)
        #expect(fields["n_positions"] as? Int == 3)
        #expect(fields["vocab_size"] as? Int == 5)
        #expect(fields["resid_pdrop"] as? Double == 0.1)
        #expect(fields["tie_word_embeddings"] as? Bool == true)
    }

    @Test("weights in the folder are not overwritten")
    func occupied() throws {
        let run = try RunFixture()
        let file = try run.folder.write("weights/model.safetensors", "precious")
        let folder = run.folder.path + "/weights"
        let error = #expect(throws: OobleckError.self) {
            try WeightExport.export(run: run.path, to: folder)
        }
        #expect(error?.code == .usage)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
    }

    @Test("a damaged or missing checkpoint is not exported")
    func damaged() throws {
        let run = try RunFixture()
        let name = "checkpoints/step-000005/layer-002.safetensors"
        var bytes = try run.read(name)
        bytes[bytes.count - 1] ^= 1
        try run.write(name, bytes)
        let folder = run.folder.path + "/weights"
        let error = #expect(throws: OobleckError.self) {
            try WeightExport.export(run: run.path, to: folder)
        }
        #expect(error?.message.contains("layer-002") == true)
        #expect(!FileManager.default.fileExists(atPath: folder))
        let unfinished = try RunFixture(finishes: false)
        #expect(throws: OobleckError.self) {
            try WeightExport.export(run: unfinished.path, to: folder)
        }
    }
}
