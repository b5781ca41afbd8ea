import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("Folders of weights as others save them", .timeLimit(.minutes(5))) struct WeightVariantTests
{
    let folder: TemporaryFolder
    private let model = WeightFixture.model
    private let norm = "transformer.ln_f.bias"

    init() throws { folder = try TemporaryFolder() }

    /// All parameters of a folder, layer by layer.
    private func read(_ path: String, _ model: GPT2Specification? = nil) throws -> [[Float]] {
        let model = model ?? self.model
        let weights = try WeightFolder(path: path)
        try weights.requireFit(model)
        try weights.requireFinite(model)
        return try (0..<model.layerCount)
            .flatMap { ParameterLayout.parameters(ofLayer: $0, model: model) }
            .map { try weights.parameter($0, of: model) }
    }

    private func failure(_ path: String, _ model: GPT2Specification? = nil) -> String {
        let error = #expect(throws: OobleckError.self) { try read(path, model) }
        #expect(error?.code == .inputData)
        return error?.message ?? ""
    }

    @Test(
        "names that wrappers have lengthened, and names without the model's, are the same parameters",
        arguments: ["_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module.", "-"]
    )
    func prefixes(prefix: String) throws {
        let plain = try read(WeightFixture().write(to: folder))
        var fixture = WeightFixture()
        for index in fixture.pieces.indices {
            let name = fixture.pieces[index].name
            fixture.pieces[index].name =
                prefix == "-" ? String(name.dropFirst("transformer.".count)) : prefix + name
        }
        #expect(try read(fixture.write(to: folder)) == plain)
    }

    @Test("a compiled block has its wrapper's name in the middle; two names of one parameter clash")
    func wrappersWithin() throws {
        let plain = try read(WeightFixture().write(to: folder))
        var fixture = WeightFixture()
        fixture.edit("transformer.h.0.ln_1.weight") {
            $0.name = "transformer.h.0._orig_mod.ln_1.weight"
        }
        #expect(try read(fixture.write(to: folder)) == plain)
        fixture.pieces.append(.init("h.0.ln_1.weight", [4], [1, 2, 3, 4]))
        let message = failure(try fixture.write(to: folder))
        #expect(message.contains("h.0._orig_mod.ln_1.weight and h.0.ln_1.weight"), "\(message)")
    }

    @Test("a name with an unknown prefix is named where its parameter is missing")
    func unknownPrefix() throws {
        var fixture = WeightFixture()
        fixture.edit(norm) { $0.name = "model.transformer.ln_f.bias" }
        let message = failure(try fixture.write(to: folder))
        #expect(message.contains("no tensor \(norm); there is model.\(norm)"), "\(message)")
    }

    @Test("shards are found by their index, and give what one file gives")
    func shards() throws {
        let plain = try read(WeightFixture().write(to: folder))
        let other = try TemporaryFolder()
        let path = try WeightFixture().writeShards(to: other) { "\u{FEFF}" + $0 }
        #expect(try read(path) == plain)
        #expect(
            try WeightFolder(path: path).files == [
                "config.json", "model-0.safetensors", "model-1.safetensors",
                "model.safetensors.index.json",
            ]
        )
    }

    @Test(
        "an index that lies is refused",
        arguments: [
            ("model-1.safetensors", "model-2.safetensors", "model-2.safetensors, which is not"),
            ("model-1.safetensors", "../model-1.safetensors", "in the same folder"),
            ("\"model-1.safetensors\"", "3", "in the same folder"),
            ("transformer.ln_f.weight", "transformer.ln_g.weight", "in none of the files"),
            ("\"weight_map\"", "\"weights\"", "no weight_map"),
            ("{\"metadata\": null", "{\"a\": NaN", "finite"),
            ("\"metadata\": null", "\"weight_map\": {}", "weight_map is there twice"),
        ]
    )
    func badIndex(old: String, new: String, part: String) throws {
        let path = try WeightFixture().writeShards(to: folder) {
            $0.replacingOccurrences(of: old, with: new)
        }
        let message = failure(path)
        #expect(message.contains(part), "\(message)")
    }

    @Test("a tensor in the other shard, or in both, is refused")
    func shardsDisagree() throws {
        let first = "\"\(WeightFixture().pieces[0].name)\": \"model-0"
        let path = try WeightFixture().writeShards(to: folder) {
            $0.replacingOccurrences(
                of: first,
                with: first.replacingOccurrences(of: "-0", with: "-1")
            )
        }
        #expect(failure(path).contains("it is in model-0.safetensors"))
        _ = try WeightFixture().writeShards(to: folder)
        _ = try folder.write("w/model-1.safetensors", WeightFixture.file(WeightFixture().pieces))
        #expect(failure(path).contains("is in model-0.safetensors and in model-1.safetensors"))
    }

    @Test("without safetensors the folder is refused, with what would do")
    func otherFormats() throws {
        let path = try WeightFixture().write(to: folder)
        try FileManager.default.removeItem(atPath: path + "/model.safetensors")
        #expect(failure(path).contains("save_pretrained"))
        _ = try folder.write("w/pytorch_model.bin", "PK")
        #expect(failure(path).contains("but pytorch_model.bin; load it with GPT2LMHeadModel"))
        #expect(failure(path + "/config.json").contains("no folder"))
        #expect(failure(folder.path + "/gpt2").contains("not there"))
        _ = try folder.write("w/adapter_config.json", "{}")
        #expect(failure(path).contains("merge"))
    }

    @Test("a number that is not finite is refused with the tensor's name")
    func notFinite() throws {
        for (value, text) in [(Float.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")] {
            var fixture = WeightFixture()
            fixture.edit(norm) { $0 = .init(norm, [4], [1, 2, value, 3]) }
            let message = failure(try fixture.write(to: folder))
            #expect(message.contains("tensor \(norm) of the initial weights is not finite"))
            #expect(message.contains("element 2 is \(text)"), "\(message)")
        }
        var fixture = WeightFixture()
        fixture.edit(norm) { piece in
            piece.type = "F64"
            piece.bytes = [1, 2, 1e39, 3].flatMap { value in
                (0..<8).map { UInt8(value.bitPattern >> (8 * $0) & 255) }
            }
        }
        #expect(failure(try fixture.write(to: folder)).contains("not finite as float32"))
    }

    @Test("half precision is converted, other types are refused by name, and both are said")
    func types() throws {
        var fixture = WeightFixture()
        fixture.edit(norm) { piece in
            piece.type = "BF16"
            piece.bytes = [0x80, 0x3F, 0x80, 0x3F, 0x00, 0x40, 0x00, 0xC0]
        }
        var unused = WeightFixture.Piece("unused8", [3], [])
        unused.type = "F8_E4M3"
        unused.bytes = [0x7F, 0xFF, 0]
        fixture.pieces.append(unused)
        fixture.pieces.append(.init("transformer.h.0.attn.bias", [1, 1, 1, 1], [.nan]))
        let path = try fixture.write(to: folder)
        #expect(try read(path)[15] == [1, 1, 2, -2])
        let notes = try WeightFolder(path: path).notes(for: model)
        #expect(notes.count == 2, "\(notes)")
        #expect(notes[0].hasSuffix("1 tensor is BF16, converted exactly to float32"))
        #expect(notes[1].hasSuffix("not used: unused8"))
        fixture.edit(norm) { $0.type = "I16" }
        #expect(
            failure(try fixture.write(to: folder)).contains("\(norm) is I16; it must be one of")
        )
    }

    @Test("a matrix the wrong way round is said to be")
    func transposed() throws {
        var fixture = WeightFixture()
        fixture.edit("transformer.h.0.mlp.c_fc.weight") { $0.shape = [16, 4] }
        let message = failure(try fixture.write(to: folder))
        #expect(message.contains("[16, 4]; the model needs [4, 16], as transformers"), "\(message)")
    }

    @Test("an untied head is read as itself; a tied one that differs is noticed")
    func heads() throws {
        let head = (0..<20).map { Float(1000 + $0) }
        var untied = model
        untied.variant.tiesHead = false
        var fixture = WeightFixture(["tie_word_embeddings": "false"])
        #expect(failure(try fixture.write(to: folder), untied).contains("no tensor lm_head.weight"))
        fixture.pieces.append(.init("lm_head.weight", [5, 4], head))
        let path = try fixture.write(to: folder)
        #expect(try read(path, untied).last == head)
        #expect(try !WeightFolder(path: path).contradictsTying())

        fixture.configuration = WeightFixture.configuration(["tie_word_embeddings": "true"])
        _ = try fixture.write(to: folder)
        #expect(try WeightFolder(path: path).contradictsTying())
        #expect(try read(path).last == (0..<20).map(Float.init))
        fixture.edit("lm_head.weight") { $0 = .init($0.name, [5, 4], (0..<20).map(Float.init)) }
        _ = try fixture.write(to: folder)
        #expect(try !WeightFolder(path: path).contradictsTying())
        // Of a tied pair the file may have either; untied from here on, the head starts as a copy.
        fixture.pieces.removeFirst()
        _ = try fixture.write(to: folder)
        #expect(try read(path).first == (0..<20).map(Float.init))
        #expect(
            try read(WeightFixture().write(to: folder), untied).last == (0..<20).map(Float.init)
        )
    }
}
