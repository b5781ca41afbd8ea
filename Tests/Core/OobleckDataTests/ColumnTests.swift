import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("Columns to train on", .timeLimit(.minutes(5))) struct ColumnTests {
    typealias Tensor = ImportManifest.BatchTensor

    /// An element type in both formats, with six numbers of it.
    struct Numbers: Sendable, CustomStringConvertible {
        let npy: String
        let safetensors: String
        let bytes: [UInt8]
        /// The numbers, three samples of two each.
        let values: [Double]

        init(_ npy: String, _ safetensors: String, _ width: Int, _ values: [Int]) {
            (self.npy, self.safetensors) = (npy, safetensors)
            bytes = ColumnFixture.numbers(values, width)
            self.values = values.map(Double.init)
        }

        init(_ npy: String, _ safetensors: String, bytes: [UInt8], values: [Double]) {
            (self.npy, self.safetensors, self.bytes, self.values) = (
                npy, safetensors, bytes, values
            )
        }

        var description: String { safetensors }
    }

    static let whole = [
        Numbers("<i8", "I64", 8, [0, 1, -3, 2_000_000_000, -2_147_483_648, 7]),
        Numbers("<i4", "I32", 4, [0, 1, -3, 2_000_000_000, -2_147_483_648, 7]),
        Numbers("<i2", "I16", 2, [0, 1, -3, 32_767, -32_768, 7]),
        Numbers("|i1", "I8", 1, [0, 1, -3, 127, -128, 7]),
        Numbers("<u4", "U32", 4, [0, 1, 3, 2_000_000_000, 65_536, 7]),
        Numbers("<u2", "U16", 2, [0, 1, 3, 65_535, 32_768, 7]),
        Numbers("|u1", "U8", 1, [0, 1, 3, 255, 128, 7]),
        Numbers("|b1", "BOOL", 1, [0, 1, 1, 0, 1, 0]),
    ]

    /// 0.5, -2, 1.5, 0, 65504, 2^-14 in the bytes of IEEE 754.
    static let fractions = [
        Numbers(
            "<f2",
            "F16",
            bytes: ColumnFixture.numbers([0x3800, 0xC000, 0x3E00, 0, 0x7BFF, 0x0400], 2),
            values: [0.5, -2, 1.5, 0, 65_504, 0x1p-14]
        ),
        Numbers(
            "<f4",
            "F32",
            bytes: ColumnFixture.numbers(
                [0x3F00_0000, 0xC000_0000, 0x3FC0_0000, 0, 0x477F_E000, 0x3880_0000],
                4
            ),
            values: [0.5, -2, 1.5, 0, 65_504, 0x1p-14]
        ),
        Numbers(
            "<f8",
            "F64",
            bytes: ColumnFixture.numbers(
                [
                    0x3FE0_0000_0000_0000, -0x4000_0000_0000_0000, 0x3FF8_0000_0000_0000, 0,
                    0x40EF_FC00_0000_0000, 0x3F10_0000_0000_0000,
                ],
                8
            ),
            values: [0.5, -2, 1.5, 0, 65_504, 0x1p-14]
        ),
    ]

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The data of a job whose model takes these tensors from columns.
    private func load(
        _ path: String,
        _ tensors: [Tensor],
        vocabulary: Int? = nil
    ) throws -> TrainingData {
        var manifest = try ImportFixture().decoded()
        (manifest.batch, manifest.vocabulary, manifest.sequence) = (tensors, vocabulary, nil)
        let model = ImportedModel(path: "/model", sha256: "", manifest: manifest)
        var job = TrainingFixture.job(model)
        (job.dataAreColumns, job.corpusPath) = (true, path)
        // The tests change files within one tick of the clock.
        return try TrainingData.load(job, look: FirstLook(keepsSummary: false))
    }

    /// What is said of data that do not fit; it is one line.
    private func refusal(
        _ path: String,
        _ tensors: [Tensor],
        vocabulary: Int? = nil
    ) -> String {
        let error = #expect(throws: OobleckError.self) {
            try load(path, tensors, vocabulary: vocabulary)
        }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("\n") == false)
        return error?.message ?? ""
    }

    private static func tensor(_ kind: ElementKind, _ shape: [Int] = [2, 2]) -> Tensor {
        Tensor("x", shape, kind, .column)
    }

    /// The values of tensor `x` for some samples.
    private func values(
        _ path: String,
        _ kind: ElementKind,
        rows: [Int] = [2, 0, 2]
    ) throws
        -> BatchValues?
    {
        let data = try load(path, [Self.tensor(kind)])
        #expect(try data.sampleCount() == 3)
        let samples = rows.enumerated().map { BatchSample(position: $0.offset, index: $0.element) }
        return try data.values(of: [Self.tensor(kind)], samples: samples)["x"]
    }

    /// Both files of the same numbers.
    private func files(_ numbers: Numbers, version: UInt8 = 1) throws -> [String] {
        [
            try folder.write(
                "npy/x.npy",
                ColumnFixture.npy(numbers.npy, [3, 2], numbers.bytes, version: version)
            ),
            try folder.write(
                "x.safetensors",
                ColumnFixture.safetensors([("x", numbers.safetensors, [3, 2], numbers.bytes)])
            ),
        ]
    }

    @Test("whole numbers come out right as whole and as other numbers", arguments: whole)
    func wholeNumbers(numbers: Numbers) throws {
        let expected = [4, 5, 0, 1, 4, 5].map { numbers.values[$0] }
        for path in try files(numbers) {
            #expect(try values(path, .int64) == .int64(expected.map { Int64($0) }))
            #expect(try values(path, .int32) == .int32(expected.map { Int32($0) }))
            #expect(try values(path, .float32) == .float32(expected.map { Float($0) }))
        }
    }

    @Test("fractions come out right, and are none of a whole number", arguments: fractions)
    func otherNumbers(numbers: Numbers) throws {
        let expected = [4, 5, 0, 1, 4, 5].map { numbers.values[$0] }
        for path in try files(numbers) {
            #expect(try values(path, .float32) == .float32(expected.map { Float($0) }))
            for kind in [ElementKind.int64, .int32, .uint8, .boolean] {
                let message = refusal(path, [Self.tensor(kind)])
                let what = "column x is \(numbers.safetensors) [3, 2]"
                #expect(
                    message == "\(path): \(what); the model takes \(kind.rawValue) [samples, 2]"
                )
            }
        }
    }

    @Test("bfloat16, which NumPy lacks, is read from safetensors")
    func brainFloats() throws {
        let bytes = ColumnFixture.numbers([0x3F00, 0xC000, 0x3FC0, 0, 0x4780, 0x3880], 2)
        let path = try folder.write(
            "x.safetensors",
            ColumnFixture.safetensors([("x", "BF16", [3, 2], bytes)])
        )
        #expect(try values(path, .float32, rows: [0, 2]) == .float32([0.5, -2, 65_536, 0x1p-14]))
    }

    @Test("bytes and truth values are taken as they are, and as nothing else")
    func bytes() throws {
        let bytes = try files(Self.whole[6])[0]
        #expect(try values(bytes, .uint8) == .bytes([128, 7, 0, 1, 128, 7]))
        #expect(refusal(bytes, [Self.tensor(.boolean)]).contains("takes bool"))
        let truths = try folder.write(
            "b/x.npy",
            ColumnFixture.npy("|b1", [3, 2], [0, 1, 1, 0, 2, 255])
        )
        #expect(try values(truths, .boolean) == .bytes([1, 1, 0, 1, 1, 1]), "true is 1")
        #expect(refusal(truths, [Self.tensor(.uint8)]).contains("takes uint8"))
    }

    @Test("a number that an int32 cannot hold is refused when it comes, not cut off")
    func narrowing() throws {
        let numbers = Numbers("<i8", "I64", 8, [0, 1, 2, 3, 1 << 31, 5])
        for path in try files(numbers) {
            #expect(try values(path, .int32, rows: [0, 1]) == .int32([0, 1, 2, 3]))
            let error = #expect(throws: OobleckError.self) { try values(path, .int32, rows: [2]) }
            #expect(error?.message == "\(path): column x has 2147483648; the model takes int32")
        }
    }

    @Test(
        "types that no tensor takes are refused by name",
        arguments: ["U64", "C64", "F8_E4M3", "F4"]
    )
    func otherTypes(type: String) throws {
        let bits = ["U64": 64, "C64": 64, "F8_E4M3": 8, "F4": 4][type] ?? 0
        let bytes = [UInt8](repeating: 0, count: 6 * bits / 8)
        let path = try folder.write(
            "x.safetensors",
            ColumnFixture.safetensors([("x", type, [3, 2], bytes)])
        )
        for kind in ElementKind.allCases {
            #expect(refusal(path, [Self.tensor(kind)]).contains("column x is \(type) [3, 2]"))
        }
    }

    @Test("all versions of the header are read", arguments: [1, 2, 3] as [UInt8])
    func versions(version: UInt8) throws {
        let path = try files(Self.whole[0], version: version)[0]
        #expect(try values(path, .int64, rows: [0]) == .int64([0, 1]))
    }

    @Test("a header without spaces, and with other keys first, is read")
    func otherHeaders() throws {
        for header in [
            "{'shape':(3,2),'fortran_order':False,'descr':'<i2'}",
            "{'fortran_order': False, 'shape': (3, 2,), 'descr': '<i2'}",
        ] {
            let bytes = ColumnFixture.npy(
                header: header,
                ColumnFixture.numbers([0, 1, 2, 3, 4, 5], 2)
            )
            let path = try folder.write("h/x.npy", bytes)
            #expect(try values(path, .int64) == .int64([4, 5, 0, 1, 4, 5]), "\(header)")
        }
    }

    @Test("other layouts and types of .npy are refused with what to do")
    func otherLayouts() throws {
        func refusal(_ bytes: [UInt8]) throws -> String {
            self.refusal(try folder.write("r/x.npy", bytes), [Self.tensor(.float32)])
        }
        let data = ColumnFixture.numbers([0, 1, 2, 3, 4, 5], 8)
        let fortran = try refusal(ColumnFixture.npy("<i8", [3, 2], data, order: "True"))
        #expect(fortran.hasSuffix("column by column; save numpy.ascontiguousarray of it"))
        for type in [
            ">i8", ">f4", "<u8", "|O", "<U4", "|S3", "<M8[s]", "<c8", "=i8", "", "<f16", "|V8",
        ] {
            let message = try refusal(ColumnFixture.npy(type, [3, 2], data))
            #expect(message.contains("its elements are of type \(type); convert them with astype"))
        }
        let structured =
            "{'descr': [('a', '<i4'), ('b', '<f4')], 'fortran_order': False, 'shape': (3, 2), }"
        #expect(try refusal(ColumnFixture.npy(header: structured, data)).contains("astype"))
    }

    @Test("a damaged .npy file is refused, whatever of it is missing")
    func damaged() throws {
        let whole = ColumnFixture.npy("<i4", [3, 2], ColumnFixture.numbers([0, 1, 2, 3, 4, 5], 4))
        for count in 0..<whole.count {
            let path = try folder.write("t/x.npy", Array(whole.prefix(count)))
            #expect(refusal(path, [Self.tensor(.int64)]).hasPrefix(path), "\(count) bytes")
        }
        for shape in [
            [-3, 2], [3, 1 << 62], [1 << 62, 1 << 62, 4], [1 << 33, 1 << 33], [4, 2], [],
        ] {
            let path = try folder.write("t/x.npy", ColumnFixture.npy("<i4", shape, [1, 2, 3, 4]))
            #expect(refusal(path, [Self.tensor(.int64)]).hasPrefix(path), "\(shape)")
        }
        for header in [
            "", "{}", "{'descr': '<i4'}", "{'descr': '<i4', 'fortran_order': False}",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (a, b)}",
            "{'descr': '<i4', 'fortran_order': False, 'shape': 3}",
            "{\"descr\": \"<i4\", \"fortran_order\": false, \"shape\": [3, 2]}",
            String(repeating: "'shape': (", count: 1000),
        ] {
            let path = try folder.write("t/x.npy", ColumnFixture.npy(header: header, [1, 2, 3, 4]))
            #expect(refusal(path, [Self.tensor(.int64)]).hasPrefix(path), "\(header)")
        }
        // A header that claims more than there is.
        for length in [0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF] {
            var bytes = whole
            bytes[6] = length > 0xFFFF ? 2 : 1
            bytes.replaceSubrange(8..<12, with: ColumnFixture.little(length, 4))
            let path = try folder.write("t/x.npy", bytes)
            #expect(refusal(path, [Self.tensor(.int64)]).hasPrefix(path), "\(length)")
        }
    }

    @Test("columns without a sample are refused")
    func noSamples() throws {
        let npy = try folder.write("z/x.npy", ColumnFixture.npy("<i8", [0, 2], []))
        #expect(refusal(npy, [Self.tensor(.int64)]).contains("has no sample"))
        let file = try folder.write(
            "x.safetensors",
            ColumnFixture.safetensors([("x", "I64", [0, 2], [])])
        )
        #expect(refusal(file, [Self.tensor(.int64)]).contains("has no sample"))
        let huge = try folder.write("h/x.npy", ColumnFixture.npy("<i8", [0, 1 << 62], []))
        #expect(refusal(huge, [Self.tensor(.int64)]).contains("column x is I64"))
    }

    @Test("a shape that does not fit is named, with what the model takes")
    func shapes() throws {
        let path = try files(Self.whole[0])[0]
        for (shape, wanted) in [
            ([2, 3], "[samples, 3]"), ([2], "[samples]"), ([2, 2, 1], "[samples, 2, 1]"),
        ] {
            let message = refusal(path, [Self.tensor(.int64, shape)])
            #expect(message == "\(path): column x is I64 [3, 2]; the model takes int64 \(wanted)")
        }
        let scalars = try folder.write(
            "s/x.npy",
            ColumnFixture.npy("<i8", [3], Array(repeating: 0, count: 24))
        )
        #expect(try load(scalars, [Self.tensor(.int64, [2])]).sampleCount() == 3)
    }

    @Test("columns of unequal length are both named, with how many samples they have")
    func lengths() throws {
        let bytes = [UInt8](repeating: 0, count: 24)
        _ = try folder.write("c/a.npy", ColumnFixture.npy("<i4", [3, 2], bytes))
        _ = try folder.write("c/b.npy", ColumnFixture.npy("<i4", [2, 2], Array(bytes.prefix(16))))
        let tensors = ["a", "b"].map { Tensor($0, [2, 2], .int64, .column) }
        let message = refusal(folder.path + "/c", tensors)
        #expect(message.hasSuffix("column a has 3 samples and b has 2; they must have as many"))
        // One that the model does not take may have any length.
        #expect(try load(folder.path + "/c", [tensors[1]]).sampleCount() == 2)
    }

    @Test("a column that is missing is named, with those that there are")
    func missing() throws {
        let bytes = [UInt8](repeating: 0, count: 24)
        _ = try folder.write("c/b.npy", ColumnFixture.npy("<i4", [3, 2], bytes))
        _ = try folder.write(
            "c/two.safetensors",
            ColumnFixture.safetensors([("d", "I32", [3, 2], bytes), ("a", "I32", [3, 2], bytes)])
        )
        _ = try folder.write("c/notes.txt", "nothing")
        let message = refusal(folder.path + "/c", [Self.tensor(.int64)])
        #expect(
            message == "\(folder.path)/c has no column x, which the model takes; it has a, b, d"
        )
        var renamed = Self.tensor(.int64)
        renamed.column = "d"
        #expect(try load(folder.path + "/c", [renamed]).sampleCount() == 3)
        renamed.column = "e"
        #expect(refusal(folder.path + "/c", [renamed]).contains("has no column e,"))
    }

    @Test("a path that is missing or has no column says what to name")
    func noColumns() throws {
        let absent = folder.path + "/absent"
        #expect(refusal(absent, [Self.tensor(.int64)]).hasPrefix("\(absent) is not there; name a"))
        _ = try folder.write("e/notes.txt", "nothing")
        let message = refusal(folder.path + "/e", [Self.tensor(.int64)])
        #expect(
            message.hasSuffix("has no column x, which the model takes; it has none"),
            "\(message)"
        )
    }

    @Test("a column that two files have is refused, with both files")
    func twice() throws {
        let bytes = [UInt8](repeating: 0, count: 24)
        _ = try folder.write("c/x.npy", ColumnFixture.npy("<i4", [3, 2], bytes))
        let file = ColumnFixture.safetensors([("x", "I32", [3, 2], bytes)])
        _ = try folder.write("c/y.safetensors", file)
        let message = refusal(folder.path + "/c", [Self.tensor(.int64)])
        let both =
            "column x is in \(folder.path)/c/x.npy and in \(folder.path)/c/y.safetensors; keep one"
        #expect(message == both)
    }

    @Test("token ids outside the vocabulary are named with file, column, sample and id")
    func tokens() throws {
        func refusal(_ name: String, _ ids: [Int]) throws -> String? {
            let bytes = ColumnFixture.npy("<i4", [3, 2], ColumnFixture.numbers(ids, 4))
            _ = try folder.write("v/\(name).npy", bytes)
            do {
                let tensor = Tensor(name, [2, 2], .int64, .column)
                _ = try load(folder.path + "/v", [tensor], vocabulary: 10)
                return nil
            } catch let error as OobleckError {
                return error.message
            }
        }
        for name in ["input_ids", "decoder_input_ids", "labels"] {
            #expect(try refusal(name, [0, 9, 1, 2, 3, 4]) == nil)
            for id in [10, -1, -99, -101, 1 << 30] {
                let message = try refusal(name, [0, 9, 1, 2, 3, id])
                let place = "\(folder.path)/v/\(name).npy: column \(name), sample 2: token \(id)"
                #expect(message == "\(place) is outside the vocabulary of 10")
            }
        }
        #expect(
            try refusal("labels", [0, -100, -100, -100, 9, -100]) == nil,
            "ignored ones are fine"
        )
        let message = try refusal("input_ids", [0, 1, -100, 1, 1, 1])
        #expect(message?.contains("sample 1: token -100 is outside") == true, "no embedding has it")
        #expect(try refusal("token_type_ids", [0, 99, 1, 1, 1, 1]) == nil, "those are no tokens")
    }

    @Test(
        "ones are of the tensor's own type, from columns and from a corpus",
        arguments: ElementKind.allCases
    )
    func ones(kind: ElementKind) throws {
        let expected: BatchValues =
            switch kind {
            case .int64: .int64([Int64](repeating: 1, count: 6))
            case .int32: .int32([Int32](repeating: 1, count: 6))
            case .float32: .float32([Float](repeating: 1, count: 6))
            case .uint8, .boolean: .bytes([UInt8](repeating: 1, count: 6))
            }
        let mask = Tensor("mask", [2, 3], kind, .ones)
        let samples = [BatchSample(position: 0, index: 0), BatchSample(position: 1, index: 1)]
        let columns = try load(try files(Self.whole[0])[0], [Self.tensor(.int64), mask])
        #expect(try columns.values(of: [mask], samples: samples) == ["mask": expected])
        let model = try ImportedFolder.open(
            path: try ImportFixture().changing("\"vocabulary\": 8", to: "\"vocabulary\": 256")
                .write(folder)
        )
        var job = TrainingFixture.job(model)
        job.corpusPath = try folder.write("text.txt", "Full many a glorious morning")
        let corpus = try TrainingData.load(job)
        #expect(try corpus.values(of: [mask], samples: samples) == ["mask": expected])
    }

    @Test(
        "the digest is that of the numbers: the same in both formats, another for one other number"
    )
    func digest() throws {
        for numbers in Self.whole + Self.fractions {
            let digests = try files(numbers).map { try load($0, [Self.tensor(.float32)]).digest() }
            #expect(digests[0] == digests[1], "\(numbers)")
            for index in numbers.bytes.indices {
                var bytes = numbers.bytes
                bytes[index] ^= 1
                let file = ColumnFixture.npy(numbers.npy, [3, 2], bytes)
                let other = try load(try folder.write("o/x.npy", file), [Self.tensor(.float32)])
                #expect(try other.digest() != digests[0], "\(numbers), byte \(index)")
            }
        }
    }

    @Test(
        "the digest tells names and shapes apart, and leaves out columns that the model does not take"
    )
    func digestOfNames() throws {
        let bytes = ColumnFixture.numbers([0, 1, 2, 3, 4, 5], 8)
        _ = try folder.write("c/x.npy", ColumnFixture.npy("<i8", [3, 2], bytes))
        let first = try load(folder.path + "/c", [Self.tensor(.int64)]).digest()
        _ = try folder.write("c/y.npy", ColumnFixture.npy("<i8", [3, 2], bytes))
        #expect(try load(folder.path + "/c", [Self.tensor(.int64)]).digest() == first)
        let other = Tensor("y", [2, 2], .int64, .column)
        #expect(try load(folder.path + "/c", [other]).digest() != first)
        _ = try folder.write("d/x.npy", ColumnFixture.npy("<i8", [2, 3], bytes))
        #expect(try load(folder.path + "/d", [Self.tensor(.int64, [2, 3])]).digest() != first)
    }
}
