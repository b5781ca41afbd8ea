import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SafetensorsTests {
    let folder: TemporaryFolder

    /// What version 0.8.0 of the Python package `safetensors` writes for `a` = [0.5] and
    /// `b` = [[1, 2, 3], [4, 5, 6]] with the metadata format pt.
    static let reference: [UInt8] = {
        let json =
            "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[4,28]}}   "
        let floats: [Float] = [0.5, 1, 2, 3, 4, 5, 6]
        return [0x90, 0, 0, 0, 0, 0, 0, 0] + Array(json.utf8)
            + floats.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 255) } }
    }()

    init() throws { folder = try TemporaryFolder() }

    private func file(_ json: String, data: Int) throws -> String {
        let length = (0..<8).map { UInt8(json.utf8.count >> (8 * $0) & 255) }
        let bytes = length + Array(json.utf8) + [UInt8](repeating: 0, count: data)
        return try folder.write("hostile.safetensors", bytes)
    }

    @Test("files are byte for byte those of the Python package")
    func writing() throws {
        let path = folder.path + "/a.safetensors"
        let writer = try SafetensorsWriter(
            path,
            header: Safetensors.Header(
                tensors: [TensorShape("a", [1]), TensorShape("b", [2, 3])],
                metadata: ["format": "pt"]
            )
        )
        try writer.append([0.5, 1, 2] as [Float])
        #expect(!FileManager.default.fileExists(atPath: path))
        try writer.append([3, 4, 5, 6] as [Float])
        try writer.publish()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(Self.reference))
        #expect(try folder.names == ["a.safetensors"])
    }

    @Test("files of the Python package are read, in the order of their data")
    func reading() throws {
        let reader = try SafetensorsReader(folder.write("a.safetensors", Self.reference))
        #expect(reader.header.tensors.map(\.name) == ["a", "b"])
        #expect(reader.header.metadata == ["format": "pt"])
        #expect(try reader.floats(of: reader.tensor(named: "b")) == [1, 2, 3, 4, 5, 6])
        #expect(try reader.tensor(named: "b").shape == [2, 3])
        #expect(throws: OobleckError.self) { try reader.tensor(named: "c") }
    }

    @Test("tensors keep the order of their data, whatever the header's order")
    func order() throws {
        let path = try file(
            "{\"z\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                + "\"m\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                + "\"a\":{\"dtype\":\"I16\",\"shape\":[2,1],\"data_offsets\":[4,8]}}",
            data: 12
        )
        let reader = try SafetensorsReader(path)
        #expect(reader.header.tensors.map(\.name) == ["m", "a", "z"])
        #expect(throws: OobleckError.self) {
            try reader.floats(of: reader.tensor(named: "a"))
        }
    }

    @Test("metadata may be null, and tensors that are not read may be of any type of the format")
    func leniency() throws {
        let path = try file(
            "{\"__metadata__\":null,"
                + "\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]},"
                + "\"b\":{\"dtype\":\"F4\",\"shape\":[2,3],\"data_offsets\":[4,7]},"
                + "\"c\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[7,15]}}",
            data: 15
        )
        let reader = try SafetensorsReader(path)
        #expect(reader.header.metadata == [:])
        #expect(reader.header.tensors.map(\.name) == ["a", "b", "c"])
        let error = #expect(throws: OobleckError.self) {
            try reader.floats(of: reader.tensor(named: "a"))
        }
        #expect(error?.message.contains("F8_E4M3") == true)
    }

    @Test("float16 and bfloat16 become float32 exactly, all 65536 of each")
    func halves() throws {
        let header =
            "{\"h\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]},"
            + "\"b\":{\"dtype\":\"BF16\",\"shape\":[65536],\"data_offsets\":[131072,262144]}}"
        let words = (0...65535).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let length = (0..<8).map { UInt8(header.utf8.count >> (8 * $0) & 255) }
        let path = try folder.write("h.safetensors", length + Array(header.utf8) + words + words)
        let reader = try SafetensorsReader(path)
        /// The number of a format with so many bits of exponent and fraction, by its definition.
        func number(_ word: Int, exponentBits: Int, fractionBits: Int) -> Double {
            let sign = word >> 15 == 0 ? 1.0 : -1.0
            let fraction = Double(word & (1 << fractionBits - 1)) / Double(1 << fractionBits)
            let exponent = word >> fractionBits & (1 << exponentBits - 1)
            let bias = 1 << (exponentBits - 1) - 1
            if exponent == 1 << exponentBits - 1 { return fraction == 0 ? sign * .infinity : .nan }
            return exponent == 0
                ? Double(sign: .plus, exponent: 1 - bias, significand: sign * fraction)
                : Double(sign: .plus, exponent: exponent - bias, significand: sign * (1 + fraction))
        }
        for (name, exponentBits, fractionBits) in [("h", 5, 10), ("b", 8, 7)] {
            let found = try reader.floats(of: reader.tensor(named: name))
            let wrong = (0...65535).first { word in
                let wanted = number(word, exponentBits: exponentBits, fractionBits: fractionBits)
                let value = Double(found[word])
                return
                    !(value == wanted && value.sign == wanted.sign || value.isNaN && wanted.isNaN)
            }
            #expect(wrong == nil, "\(name)")
        }
    }

    @Test("float64 is rounded to the nearest float32")
    func doubles() throws {
        let values = [1 + 0x1p-24 + 0x1p-50, 1 + 0x1p-24, -0.1, 1e300]
        let bytes = values.flatMap { value in
            (0..<8).map { UInt8(value.bitPattern >> (8 * $0) & 255) }
        }
        let header = "{\"d\":{\"dtype\":\"F64\",\"shape\":[4],\"data_offsets\":[0,32]}}"
        let length = (0..<8).map { UInt8(header.utf8.count >> (8 * $0) & 255) }
        let path = try folder.write("d.safetensors", length + Array(header.utf8) + bytes)
        let reader = try SafetensorsReader(path)
        let found = try reader.floats(of: reader.tensor(named: "d"))
        #expect(found == [1 + 0x1p-23, 1, -0.1, .infinity])
    }

    @Test("names with quotes, controls and other scripts survive")
    func names() throws {
        let names = ["\"q\"\\", "tab\tline\nend", "\u{1}\u{1F}", "größe/層"]
        let header = Safetensors.Header(
            tensors: names.map { TensorShape($0, [1]) },
            metadata: ["a\"b": "c\\d\n"]
        )
        let bytes = header.bytes
        #expect(bytes.count.isMultiple(of: 8))
        let path = try folder.write("n.safetensors", bytes + [UInt8](repeating: 0, count: 16))
        #expect(try SafetensorsReader(path).header == header)
    }

    @Test("a writer that is given up leaves nothing behind")
    func givenUp() throws {
        do {
            let header = Safetensors.Header(tensors: [TensorShape("a", [2])])
            let writer = try SafetensorsWriter(folder.path + "/a.safetensors", header: header)
            try writer.append([1] as [Float])
        }
        #expect(try folder.names == [])
    }

    @Test(
        "a header that lies is refused",
        arguments: [
            "", "[]", "{", "{\"a\":1}", "{\"a\":{}}", "{} trailing",
            "{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1,-2],\"data_offsets\":[0,8]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,2],\"data_offsets\":[0,8]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,16]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,1e30]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                + "\"b\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[6,8]}}",
            "{\"b\":{\"dtype\":\"F4\",\"shape\":[15],\"data_offsets\":[0,8]}}",
            "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
            "{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}}",
            "{\"__metadata__\":[],\"b\":{\"dtype\":\"I8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
            "{\"__metadata__\":{\"a\":1},\"b\":{\"dtype\":\"I8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
        ]
    )
    func hostileHeaders(json: String) throws {
        let path = try file(json, data: 8)
        let error = #expect(throws: OobleckError.self) { try SafetensorsReader(path) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains(path) == true)
        #expect(error?.message.contains("\n") == false)
    }

    @Test("a file cut off anywhere is refused")
    func truncation() throws {
        for count in 0..<Self.reference.count {
            let path = try folder.write("cut.safetensors", Array(Self.reference.prefix(count)))
            let error = #expect(throws: OobleckError.self) { try SafetensorsReader(path) }
            #expect(error?.code == .inputData)
        }
        let longer = try folder.write("long.safetensors", Self.reference + [0])
        #expect(throws: OobleckError.self) { try SafetensorsReader(longer) }
    }

    @Test(
        "any flipped byte gives an error or a file that is wholly in bounds",
        arguments: [0, 3, 6]
    )
    func bitFlips(bit: Int) throws {
        for index in 0..<Self.reference.count {
            var bytes = Self.reference
            bytes[index] ^= 1 << UInt8(bit)
            let path = try folder.write("flip.safetensors", bytes)
            do {
                let reader = try SafetensorsReader(path)
                for tensor in reader.header.tensors { _ = try reader.bytes(of: tensor) }
            } catch let error as OobleckError {
                #expect(error.code == .inputData, "byte \(index), bit \(bit)")
            }
        }
    }
}
