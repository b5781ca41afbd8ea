import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("The manifest of an imported model", .timeLimit(.minutes(5))) struct ImportManifestTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// What is said of a manifest that was changed; nothing when all holds.
    private func problem(_ change: (inout ImportManifest) -> Void) throws -> String {
        var manifest = try ImportFixture().decoded()
        change(&manifest)
        return manifest.problem ?? ""
    }

    /// What is said of a folder when it is opened; it is one line that names the manifest.
    private func refusal(_ fixture: ImportFixture) throws -> String {
        let path = try fixture.write(folder)
        let error = #expect(throws: OobleckError.self) { try ImportedFolder.open(path: path) }
        #expect(error?.code == .inputData)
        #expect(error?.message.hasPrefix("\(path)/manifest.json") == true, "\(error as Any)")
        #expect(error?.message.contains("\n") == false)
        return error?.message ?? ""
    }

    @Test("what the importer writes has no problem, and comes back as it was")
    func valid() throws {
        let path = try ImportFixture().write(folder)
        let model = try ImportedFolder.open(path: path)
        #expect(model.manifest == (try ImportFixture().decoded()))
        #expect(model.manifest.layers.map(\.name) == ["embedding", "block", "head"])
        #expect(model.manifest.loss.targets == 8)
        #expect(model.sha256 == (try SHA256Hasher.hexadecimal(ofFile: path + "/manifest.json")))
        try ImportedFolder(model).check()
        let again = try JSONDecoder().decode(
            ImportManifest.self,
            from: try JSONEncoder().encode(model.manifest)
        )
        #expect(again == model.manifest)
    }

    @Test("a manifest that was altered after the import is refused")
    func digest() throws {
        let zeros = String(repeating: "0", count: 64)
        let fixture = ImportFixture()
            .changing("\"torch\":", to: "\"digest\": \"\(zeros)\", \"torch\":")
        var hasher = SHA256Hasher()
        hasher.update(Array(fixture.manifestInFolder.utf8))
        let whole = fixture.changing(zeros, to: hasher.hexadecimal)
        let path = try whole.write(folder)
        #expect(try ImportedFolder.open(path: path).manifest == (try ImportFixture().decoded()))
        let altered = whole.changing("\"deviation\": 0.02", to: "\"deviation\": 0.03")
        #expect(try refusal(altered).contains("was altered since the import"))
        let short = fixture.changing(zeros, to: "0")
        #expect(try refusal(short).contains("it must be 64 hexadecimal digits"))
    }

    @Test("keys that this program does not know are passed over")
    func unknownKeys() throws {
        let fixture = ImportFixture()
            .changing("\"torch\":", to: "\"colour\": [{\"a\": null}], \"torch\":")
            .changing("\"name\": \"block\",", to: "\"name\": \"block\", \"later\": 1,")
        let model = try ImportedFolder.open(path: try fixture.write(folder))
        #expect(model.manifest == (try ImportFixture().decoded()))
    }

    @Test(
        "a key that is missing is named",
        arguments: [
            ("\"version\": 1, ", "version"), ("\"torch\": \"2.13.0\", ", "torch"),
            ("\"microbatch\": 2, ", "microbatch"), ("\"graph\": \"graph-1.json\", ", "graph"),
            ("\"initial\": {\"kind\": \"stored\"}", "initial"),
            ("\"tied\": [[\"embed.weight\", [0, 2]]],\n", "tied"),
            (", \"targets\": 8},", "files"),
        ]
    )
    func missingKeys(text: String, key: String) throws {
        // Without what stands there, and where it ends an object, without the comma before it.
        var fixture = ImportFixture()
        switch key {
        case "initial":
            fixture = fixture.changing(
                "\"dtype\": \"float32\",\n\(String(repeating: " ", count: 20))\(text)",
                to: "\"dtype\": \"float32\""
            )
        case "files":
            fixture = fixture.changing("},\n \"files\": \(ImportFixture.filesMark)}", to: "}}")
        default: fixture = fixture.changing(text, to: "")
        }
        #expect(try refusal(fixture).contains("\(key) is missing"))
    }

    @Test(
        "what is no manifest is refused",
        arguments: [
            "", "{", "[]", "null", "7", "\"version\"", "{\"version\": 1}", "\u{0}",
            "{\"version\": 1, \"version\": 1}", "{\"version\": NaN}", "{'version': 1}",
            String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 5000),
        ]
    )
    func noManifest(text: String) throws {
        var fixture = ImportFixture()
        fixture.manifest = text
        _ = try refusal(fixture)
    }

    @Test("two equal keys are refused with line and column, at the top and further in")
    func equalKeys() throws {
        let top = ImportFixture().changing("\"torch\":", to: "\"microbatch\": 2, \"torch\":")
        #expect(try refusal(top).contains("microbatch"))
        let inner = ImportFixture().changing("\"deviation\": 0.02", to: "\"mean\": 1.0")
        #expect(try refusal(inner).contains("mean"))
    }

    @Test(
        "another version is named, with what to do",
        arguments: ["2", "0", "-1", "2.0", "1.5", "2e0"]
    )
    func version(text: String) throws {
        let message = try refusal(
            ImportFixture().changing("\"version\": 1", to: "\"version\": \(text)")
        )
        #expect(message.contains("version \(text)"))
        #expect(message.contains("import the model again"))
    }

    @Test(
        "numbers beyond all bounds, and of the wrong kind, are refused",
        arguments: [
            ("\"microbatch\": 2", "\"microbatch\": 1e400"),
            ("\"microbatch\": 2", "\"microbatch\": 9223372036854775808"),
            ("\"microbatch\": 2", "\"microbatch\": 2.5"),
            ("\"microbatch\": 2", "\"microbatch\": \"2\""),
            ("\"microbatch\": 2", "\"microbatch\": true"),
            ("\"sequence\": 4", "\"sequence\": 9223372036854775807"),
            ("\"vocabulary\": 8", "\"vocabulary\": -9223372036854775808"),
            ("\"mean\": 0.0", "\"mean\": 1e999"),
            ("\"mean\": 0.0", "\"mean\": NaN"),
            ("\"shape\": [8, 2]", "\"shape\": [4611686018427387904, 4]"),
            ("\"shape\": [8, 2]", "\"shape\": [8, -2]"),
            ("\"shape\": [8, 2]", "\"shape\": [[8, 2]]"),
            ("\"shape\": [8, 2]", "\"shape\": \"8x2\""),
            ("\"dtype\": \"float32\"", "\"dtype\": \"float64\""),
            ("\"role\": \"tokens\"", "\"role\": \"words\""),
            ("\"kind\": \"normal\"", "\"kind\": \"orthogonal\""),
            ("[\"embed.weight\", [0, 2]]", "[\"embed.weight\"]"),
            ("[\"embed.weight\", [0, 2]]", "[[0, 2], \"embed.weight\"]"),
            ("[\"embed.weight\", [0, 2]]", "{\"embed.weight\": [0, 2]}"),
            ("\"targets\": 8", "\"targets\": 0"),
        ]
    )
    func numbers(text: String, other: String) throws {
        #expect(try refusal(ImportFixture().changing(text, to: other)).isEmpty == false)
    }

    @Test("sizes are positive and bounded")
    func sizes() throws {
        #expect(try problem { $0.layers = [] } == "it has no layers")
        for size in [0, -1, Int.min, Int.max, 1 << 32] {
            #expect(try problem { $0.microbatch = size }.hasPrefix("microbatch is \(size);"))
            #expect(try problem { $0.sequence = size }.hasPrefix("sequence is \(size);"))
            #expect(try problem { $0.vocabulary = size }.hasPrefix("vocabulary is \(size);"))
        }
        #expect(try problem { $0.vocabulary = nil } == "")
        #expect(try problem { $0.version = 2 }.contains("version 2"))
    }

    @Test(
        "tensors of the batch have names of their own, begin with the microbatch, and fit their roles"
    )
    func batch() throws {
        #expect(try problem { $0.batch[1].name = "input_ids" }.contains("one name"))
        for shape in [[], [3, 4], [4, 2], [2, 0], [2, -4], [2, 1 << 62], [2, 1 << 40]] {
            let message = try problem { $0.batch[0].shape = shape }
            #expect(message.contains("input_ids"), "\(shape): \(message)")
        }
        #expect(try problem { $0.batch[0].kind = .float32 }.contains("int64"))
        #expect(try problem { $0.sequence = 5 }.contains("[microbatch, sequence]"))
        #expect(try problem { $0.sequence = nil }.contains("[microbatch, sequence]"))
        // Roles that take any shape and type.
        for role in [ImportManifest.BatchTensor.Role.ones, .column] {
            let message = try problem {
                $0.batch[0] = ImportManifest.BatchTensor("input_ids", [2, 3, 5, 5], .float32, role)
            }
            #expect(message == "")
        }
        let added = try problem {
            $0.batch.append(ImportManifest.BatchTensor("mask", [2], .boolean, .tokens))
        }
        #expect(added.contains("batch tensor mask"))
    }

    @Test(
        "a file that a layer names is in the folder itself and has a digest",
        arguments: ["../graph-0.json", "/etc/passwd", "..", ".", "", "a/b", "graph-9.json"]
    )
    func fileNames(name: String) throws {
        #expect(try problem { $0.layers[0].graph = name }.contains("layer 0 (embedding)"))
        #expect(try problem { $0.layers[1].weights = name }.contains("layer 1 (block)"))
        guard name != "graph-9.json" else { return }
        let listed = try problem {
            $0.layers[0].graph = name
            $0.files[name] = "00"
        }
        #expect(listed == "file \(name) is not in its folder")
    }

    @Test("a layer with constants needs the file of constants")
    func constantsFile() throws {
        let message = try problem { $0.files["constants.safetensors"] = nil }
        #expect(message.contains("layer 1 (block) names file constants.safetensors"))
    }

    @Test("parameters are float32, with a shape, and have names of their own")
    func parameters() throws {
        #expect(try problem { $0.layers[0].parameters[0].kind = .int64 }.contains("float32"))
        for shape in [[0, 2], [8, -2], [1 << 40, 2], [Int.max, Int.max], [Int.min]] {
            let message = try problem { $0.layers[0].parameters[0].shape = shape }
            #expect(message.hasPrefix("layer 0 (embedding): parameter embed.weight"))
        }
        let twice = try problem { $0.layers[1].parameters.append($0.layers[1].parameters[0]) }
        #expect(twice == "layer 1 (block) has two parameters of one name")
        let moment = try problem {
            var other = $0.layers[1].parameters[0]
            other.name = "block.weight.exp_avg"
            $0.layers[1].parameters.append(other)
        }
        #expect(moment == "layer 1 (block) has two parameters of one name")
        #expect(
            try problem { $0.layers[1].parameters[0].shape = [] } == "",
            "a number is a parameter"
        )
    }

    @Test("a parameter says how it starts")
    func starts() throws {
        func initial(_ change: (inout InitialValue) -> Void) throws -> String {
            try problem {
                change(&$0.layers[1].parameters[0].initial)
            }
        }
        let unsaid = "layer 1 (block): parameter block.weight does not say how it starts"
        #expect(try initial { $0.kind = .normal } == unsaid)
        #expect(try initial { ($0.kind, $0.deviation) = (.normal, 0) } == "")
        #expect(try initial { ($0.kind, $0.deviation) = (.normal, -1) }.contains("no sense"))
        #expect(try initial { ($0.kind, $0.deviation) = (.normal, .nan) }.contains("no sense"))
        #expect(try initial { $0.kind = .constant } == unsaid)
        #expect(try initial { ($0.kind, $0.value) = (.constant, .infinity) }.contains("no sense"))
        #expect(try initial { ($0.kind, $0.value) = (.constant, 1) } == "")
        #expect(try initial { $0.kind = .uniform } == unsaid)
        #expect(try initial { ($0.kind, $0.low, $0.high) = (.uniform, 1, -1) } == unsaid)
        #expect(try initial { ($0.kind, $0.low, $0.high) = (.uniform, 1, 1) } == "")
        #expect(try initial { ($0.kind, $0.deviation) = (.truncatedNormal, 1) } == unsaid)
        let truncated = try initial {
            ($0.kind, $0.deviation, $0.low, $0.high) = (.truncatedNormal, 1, -2, 2)
        }
        #expect(truncated == "")
        let empty = try initial {
            ($0.kind, $0.deviation, $0.low, $0.high) = (.truncatedNormal, 1, 2, 2)
        }
        #expect(empty == unsaid)
        #expect(try problem { $0.layers[1].weights = nil } == unsaid)
        #expect(try initial { $0.zeroRows = [0, 1] } == "")
        for row in [-1, 2, Int.max] {
            #expect(try initial { $0.zeroRows = [0, row] }.hasSuffix("has no row \(row)"))
        }
    }

    @Test("a layer takes what the batch has and receives what the layer before sends")
    func flow() throws {
        #expect(try problem { $0.layers[0].batch = ["mask"] }.contains("takes mask"))
        #expect(try problem { $0.layers[0].receives = $0.layers[1].receives }.contains("layer 0"))
        #expect(try problem { $0.layers[1].receives = [] }.contains("does not receive"))
        #expect(
            try problem { $0.layers[1].receives[0].name = "other" }.contains("does not receive")
        )
        #expect(try problem { $0.layers[1].receives[0].kind = .int64 }.contains("does not receive"))
        for shape in [[0], [-1], [1 << 62, 4]] {
            #expect(try problem { $0.layers[1].constants[0].shape = shape }.contains("no sense"))
            #expect(try problem { $0.layers[2].sends[2].shape = shape }.contains("no sense"))
            let both = try problem {
                $0.layers[0].sends[0].shape = shape
                $0.layers[1].receives[0].shape = shape
            }
            #expect(both.contains("no sense"))
        }
    }

    @Test("tied parameters are listed once, with all the layers that use them, and are alike there")
    func tied() throws {
        for layers in [
            [], [0], [2], [2, 0], [0, 1], [0, 1, 2], [0, 0, 2], [0, 7], [-1, 2], [0, 2, 2],
        ] {
            let message = try problem { $0.tied[0].layers = layers }
            #expect(
                message.hasPrefix("tied parameter embed.weight is in layers [0, 2]"),
                "\(layers)"
            )
        }
        #expect(try problem { $0.tied[0].name = "nothing" }.contains("tied parameter nothing"))
        #expect(try problem { $0.tied = [] }.contains("embed.weight is in several layers"))
        #expect(try problem { $0.tied.append($0.tied[0]) } == "a parameter is tied twice")
        #expect(try problem { $0.layers[2].parameters[0].shape = [2, 8] }.contains("not the same"))
        let start = try problem { $0.layers[2].parameters[0].initial.deviation = 1 }
        #expect(start.contains("embed.weight is not the same in layers [0, 2]"))
    }

    @Test("a parameter in three layers is tied in all three, not in two of them")
    func threeUses() throws {
        let message = try problem { $0.layers[1].parameters.append($0.layers[0].parameters[0]) }
        #expect(message == "tied parameter embed.weight is in layers [0, 1, 2], and not [0, 2]")
        let all = try problem {
            $0.layers[1].parameters.append($0.layers[0].parameters[0])
            $0.tied[0].layers = [0, 1, 2]
        }
        #expect(all == "")
    }

    @Test("the loss is in the last layer: a sum, then the count of its targets")
    func loss() throws {
        for layer in [0, 1, 3, -1, Int.min] {
            #expect(
                try problem { $0.loss.layer = layer }.hasPrefix("the loss is in layer \(layer);")
            )
        }
        let wrong = "the loss must be a sum with the count of its targets"
        #expect(try problem { $0.loss.sum = false } == wrong)
        #expect(try problem { $0.loss.count = false } == wrong)
        for targets in [0, -1, Int.min] {
            #expect(try problem { $0.loss.targets = targets } == wrong)
        }
        #expect(try problem { $0.loss.targets = nil } == "")
        #expect(try problem { $0.layers[2].sends = [] } == wrong)
        #expect(try problem { $0.layers[2].sends.removeLast(2) } == wrong)
        #expect(try problem { $0.layers[2].sends[0].shape = [2] } == wrong)
        #expect(try problem { $0.layers[2].sends[0].kind = .int64 } == wrong)
        #expect(try problem { $0.layers[2].sends[1].kind = .float32 } == wrong)
        #expect(try problem { $0.layers[2].sends.removeLast() } == "", "logits are not needed")
    }

    @Test("of many things wrong the same one is told every time")
    func sameEveryTime() throws {
        func message() throws -> String {
            try problem { manifest in
                for name in ["zeta", "alpha", "gamma", "beta"] {
                    var parameter = manifest.layers[0].parameters[0]
                    parameter.name = name
                    manifest.layers[0].parameters.append(parameter)
                    manifest.layers[2].parameters.append(parameter)
                }
            }
        }
        for _ in 0..<20 {
            #expect(
                try message() == "parameter alpha is in several layers, and not among the tied ones"
            )
        }
    }
}
