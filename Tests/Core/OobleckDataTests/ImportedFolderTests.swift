import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("The folder of an imported model", .timeLimit(.minutes(5))) struct ImportedFolderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// What is said of a folder that opens; it is one line.
    private func refusal(
        _ fixture: ImportFixture,
        change: (String) throws -> Void = { _ in }
    ) throws
        -> String
    {
        let path = try fixture.write(folder)
        try change(path)
        let model = try ImportedFolder.open(path: path)
        let error = #expect(throws: OobleckError.self) { try ImportedFolder(model).check() }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("\n") == false)
        return error?.message ?? ""
    }

    @Test("a folder that is none says what to name")
    func none() throws {
        for path in [folder.path, folder.path + "/absent", "/dev/null"] {
            let error = #expect(throws: OobleckError.self) { try ImportedFolder.open(path: path) }
            #expect(
                error?.message
                    == "\(path) has no manifest.json; name a folder that oobleck import wrote"
            )
        }
        try FileManager.default.createDirectory(
            atPath: folder.path + "/odd/manifest.json",
            withIntermediateDirectories: true
        )
        let error = #expect(throws: OobleckError.self) {
            try ImportedFolder.open(path: folder.path + "/odd")
        }
        #expect(error?.code == .inputData)
    }

    @Test(
        "a file that was altered after the import is named, and so is what to do",
        arguments: [
            "graph-0.json", "graph-2.json", "layer-1.safetensors", "constants.safetensors",
        ]
    )
    func altered(name: String) throws {
        let message = try refusal(ImportFixture()) { path in
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
            bytes[bytes.count - 1] ^= 1
            _ = try folder.write("model/\(name)", bytes)
        }
        #expect(message.hasPrefix("\(folder.path)/model/\(name) has SHA-256 "))
        #expect(message.hasSuffix("it was altered, import the model again"))
    }

    @Test(
        "a file that is missing is named",
        arguments: ["graph-1.json", "layer-1.safetensors", "constants.safetensors"]
    )
    func missing(name: String) throws {
        let message = try refusal(ImportFixture()) { path in
            try FileManager.default.removeItem(atPath: "\(path)/\(name)")
        }
        #expect(message.contains("\(folder.path)/model/\(name)"))
    }

    @Test("a graph that does not fit its layer is refused, with both numbers of tensors")
    func graphs() throws {
        let inputs = ImportFixture().changing(graph: 0, "\"inputs\": 2", to: "\"inputs\": 3")
        let message = try refusal(inputs)
        #expect(
            message.contains(
                "graph-0.json takes 3 tensors and gives 1; layer embedding has 2 and 1"
            )
        )
        let outputs = ImportFixture().changing(graph: 2, "[6, 8, 3]", to: "[6, 8]")
        #expect(try refusal(outputs).contains("gives 2; layer head has 3 and 3"))
        let shared = ImportFixture().changing(
            "\"graph\": \"graph-1.json\"",
            to: "\"graph\": \"graph-0.json\""
        )
        #expect(try refusal(shared).contains("layer block has 3 and 1"))
    }

    @Test("a layer writes over what it made or received, not over what other passes need too")
    func writes() throws {
        for slot in [0, 1] {
            let fixture = ImportFixture().changing(
                graph: 1,
                "\"aten::linear\", \"overload\": \"\", \"args\": [{\"r\": 2}, {\"r\": 0}]",
                to: "\"aten::mul_\", \"overload\": \"Scalar\", \"args\": [{\"r\": \(slot)}, 2]"
            )
            let message = try refusal(fixture)
            #expect(message.contains("graph-1.json: node 0 (aten::mul_) writes over a parameter"))
            #expect(message.hasSuffix("of layer block"))
        }
        let labels = ImportFixture().changing(
            graph: 2,
            "\"aten::ne\", \"overload\": \"Scalar\", \"args\": [{\"r\": 5}",
            to: "\"aten::fill_\", \"overload\": \"Scalar\", \"args\": [{\"r\": 1}"
        )
        #expect(try refusal(labels).contains("of layer head"))
        for slot in [2, 3] {
            let fixture = ImportFixture().changing(
                graph: 1,
                "\"aten::mul\", \"overload\": \"Tensor\", \"args\": [{\"r\": 3}",
                to: "\"aten::mul_\", \"overload\": \"Tensor\", \"args\": [{\"r\": \(slot)}"
            )
            let model = try ImportedFolder.open(path: try fixture.write(folder))
            try ImportedFolder(model).check()
        }
    }

    @Test("values of a stored parameter and of a constant come as they were stored")
    func values() throws {
        let model = try ImportedFolder.open(path: try ImportFixture().write(folder))
        let imported = ImportedFolder(model)
        let layer = model.manifest.layers[1]
        let reader = try imported.reader(of: "layer-1.safetensors")
        #expect(try imported.values(of: layer.parameters[0], in: reader) == [1, 2, 3, 4])
        let constants = try imported.constants()
        let bytes = try imported.bytes(of: layer.constants[0], in: constants)
        #expect(bytes == [0, 0, 0, 0x3F, 0, 0, 0, 0xC0])
        #expect(throws: OobleckError.self) { try imported.values(of: layer.parameters[0], in: nil) }
    }

    @Test("a value of another shape or type, or none, is refused with file and name")
    func wrongValues() throws {
        var fixture = ImportFixture()
        fixture.files["layer-1.safetensors"] = ImportFixture.safetensors(
            "block.weight",
            [4],
            [1, 2, 3, 4]
        )
        let model = try ImportedFolder.open(path: try fixture.write(folder))
        let imported = ImportedFolder(model)
        let parameter = model.manifest.layers[1].parameters[0]
        let reader = try imported.reader(of: "layer-1.safetensors")
        let shape = #expect(throws: OobleckError.self) {
            try imported.values(of: parameter, in: reader)
        }
        #expect(shape?.message.hasSuffix("block.weight has shape [4], not [2, 2]") == true)
        var other = parameter
        other.name = "absent"
        let absent = #expect(throws: OobleckError.self) {
            try imported.values(of: other, in: reader)
        }
        #expect(absent?.message.hasSuffix("has no tensor absent") == true)
        // As wide as what is there, and something else.
        let constant = TensorDescription("scale", [2], .int32)
        let constants = try imported.constants()
        let type = #expect(throws: OobleckError.self) {
            try imported.bytes(of: constant, in: constants)
        }
        #expect(type?.message.hasSuffix("scale is F32 [2], not int32 [2]") == true)
    }

    @Test("what lies beside the model's files are its companions; a folder that is gone is told")
    func companions() throws {
        var fixture = ImportFixture()
        fixture.companions = ["config.json": "{}", "tokenizer.json": "{}"]
        let path = try fixture.write(folder)
        let imported = ImportedFolder(try ImportedFolder.open(path: path))
        #expect(try imported.companions() == ["config.json", "tokenizer.json"])
        try FileManager.default.removeItem(atPath: path)
        let error = #expect(throws: OobleckError.self) { try imported.companions() }
        #expect(error?.message.contains(path) == true)
    }
}
