import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct CorpusTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func failure(_ path: String, vocabulary: Int = 256) -> OobleckError? {
        #expect(throws: OobleckError.self) {
            try Corpus.load(path: path, vocabulary: vocabulary)
        }
    }

    @Test("the bytes of a text are its tokens, targets are one further")
    func text() throws {
        let corpus = try Corpus.load(path: folder.write("a.txt", "Hello, wörld"), vocabulary: 256)
        #expect(corpus.tokenCount == 13)
        #expect(try corpus.sampleCount(sequenceLength: 4) == 3)
        #expect(try corpus.sampleCount(sequenceLength: 12) == 1)
        let (inputs, targets) = corpus.batch(samples: [2, 0], sequenceLength: 4)
        #expect(inputs == [0xC3, 0xB6, 114, 108] + [72, 101, 108, 108])
        #expect(targets == [0xB6, 114, 108, 100] + [101, 108, 108, 111])
    }

    @Test("buffers are refilled, not added to")
    func refill() throws {
        let corpus = try Corpus.load(path: folder.write("a.txt", "abcdef"), vocabulary: 256)
        var inputs: [Int64] = [1, 2, 3, 4, 5]
        var targets: [Int64] = []
        corpus.fill(samples: [1], sequenceLength: 2, inputs: &inputs, targets: &targets)
        #expect(inputs == [99, 100])
        #expect(targets == [100, 101])
    }

    @Test("a directory's .txt files are joined in the order of their names, others left out")
    func directory() throws {
        _ = try folder.write("texts/b.txt", "two")
        _ = try folder.write("texts/a.txt", "one")
        _ = try folder.write("texts/B.txt", "zero")
        _ = try folder.write("texts/c.md", "never")
        _ = try folder.write("texts/d.txt/inner.txt", "never")
        let corpus = try Corpus.load(path: folder.path + "/texts", vocabulary: 256)
        let whole = try Corpus.load(path: folder.write("whole.txt", "zeroonetwo"), vocabulary: 256)
        #expect(corpus.digest == whole.digest)
    }

    @Test("token ids are little-endian, and the digest is that of the ids in either format")
    func identifiers() throws {
        let binary = try Corpus.load(
            path: folder.write("a.bin", [72, 0, 101, 0, 108, 0, 108, 0, 111, 0]),
            vocabulary: 112
        )
        let text = try Corpus.load(path: folder.write("a.txt", "Hello"), vocabulary: 256)
        #expect(binary.batch(samples: [1], sequenceLength: 2).targets == [108, 111])
        // hashlib.sha256(struct.pack("<5H", *b"Hello"))
        let expected = "a07e4f7343246c82b26f32e56f85418d518d8b2f2dae77f1d56fe7af50db97af"
        #expect(binary.digest == expected)
        #expect(text.digest == expected)
        let wide = try Corpus.load(
            path: folder.write("b.bin", [0x50, 0xC4, 1, 0]),
            vocabulary: 50_257
        )
        #expect(wide.batch(samples: [0], sequenceLength: 1).inputs == [50_256])
    }

    @Test("a token outside the vocabulary is named with its offset")
    func vocabulary() throws {
        let error = failure(try folder.write("a.bin", [1, 0, 2, 0, 9, 0]), vocabulary: 9)
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("token 9 at offset 2") == true)
        let text = failure(try folder.write("a.txt", "abc"), vocabulary: 255)
        #expect(text?.message.contains("at least 256") == true)
    }

    @Test("what is no corpus is refused as bad input that names the path")
    func refusals() throws {
        let paths = [
            folder.path + "/missing.txt",
            folder.path + "/missing.bin",
            folder.path + "/empty",
            try folder.write("latin1.txt", [0x61, 0x62, 0xE9, 0x63]),
            try folder.write("cut.txt", [0x61, 0xE2, 0x82]),
            try folder.write("odd.bin", [1, 0, 2]),
            "/dev/null",
        ]
        try FileManager.default.createDirectory(
            atPath: folder.path + "/empty",
            withIntermediateDirectories: true
        )
        for path in paths {
            let error = failure(path)
            #expect(error?.code == .inputData, "\(path)")
            #expect(error?.message.contains(path) == true)
        }
        #expect(failure(paths[3])?.message.contains("byte 2") == true)
    }

    @Test("a corpus shorter than one sample is refused")
    func tooShort() throws {
        for text in ["", "a", "abcd"] {
            let corpus = try Corpus.load(path: folder.write("a.txt", text), vocabulary: 256)
            let error = #expect(throws: OobleckError.self) {
                try corpus.sampleCount(sequenceLength: 4)
            }
            #expect(error?.code == .inputData)
        }
    }

    private func binary(_ numbers: [Int], width: Int) -> [UInt8] {
        CorpusFixture.binary(numbers, width: width)
    }

    /// Ids as a tokenizer writes them: all over the vocabulary, 0 among them.
    private let ids = (0..<400).map { ($0 * 7919) % 50_257 }

    @Test("ids of 32 and 64 bits are refused with what they are, and read when the job says so")
    func wideIdentifiers() throws {
        let wanted = try Corpus.load(
            path: folder.write("a.bin", binary(ids, width: 2)),
            vocabulary: 50_257
        )
        for width in [4, 8] {
            let path = try folder.write("wide.bin", binary(ids, width: width))
            let message = failure(path, vocabulary: 50_257)?.message ?? ""
            #expect(message.contains("looks like \(8 * width)-bit token ids"), "\(message)")
            #expect(message.contains("say data.token_bytes: \(width), or 2"))
            let corpus = try Corpus.load(path: path, vocabulary: 50_257, tokenBytes: width)
            #expect(corpus.digest == wanted.digest)
            // A stated width is believed.
            let stated = try Corpus.load(path: path, vocabulary: 50_257, tokenBytes: 2)
            #expect(stated.tokenCount == ids.count * width / 2)
        }
    }

    @Test("ids above 65,535 in 32 bits are seen as such, and are outside a smaller vocabulary")
    func idsOfLargeVocabulary() throws {
        let path = try folder.write("wide.bin", binary(ids.map { $0 * 2 }, width: 4))
        #expect(failure(path, vocabulary: 50_257)?.message.contains("looks like 32-bit") == true)
        let error = #expect(throws: OobleckError.self) {
            try Corpus.load(path: path, vocabulary: 50_257, tokenBytes: 4)
        }
        #expect(error?.message.contains("is outside the vocabulary of 50257") == true)
    }

    @Test("ids of 16 bits are never taken for wider ones", arguments: Seed.range(0..<200))
    func narrowIdentifiers(_ seed: Seed) throws {
        var generator = SeededGenerator(seed)
        let vocabulary = [17, 256, 50_257].randomElement(using: &generator) ?? 17
        let count = 2 * Int.random(in: 8...64, using: &generator)
        var numbers = (0..<count).map { _ in Int.random(in: 0..<vocabulary, using: &generator) }
        if seed.value.isMultiple(of: 3) {
            // Zero at every second place but one.
            let exception = 2 * Int.random(in: 0..<count / 2, using: &generator) + 1
            for place in stride(from: 1, to: count, by: 2) where place != exception {
                numbers[place] = 0
            }
            numbers[exception] = vocabulary - 1
        }
        let path = try folder.write("a.bin", binary(numbers, width: 2))
        #expect(try Corpus.load(path: path, vocabulary: vocabulary).tokenCount == count)
    }

    @Test("where nothing can be said of the width, ids have 16 bits")
    func ambiguousWidth() throws {
        let small = (0..<64).map { $0 % 4 }
        for numbers in [small, [Int](repeating: 0, count: 64)] {
            let path = try folder.write("a.bin", binary(numbers, width: 2))
            #expect(try Corpus.load(path: path, vocabulary: 4).tokenCount == 64)
        }
    }

    @Test("a NumPy array of integers is read, whatever its name; other arrays are refused")
    func numpy() throws {
        let wanted = try Corpus.load(
            path: folder.write("a.bin", binary(ids, width: 2)),
            vocabulary: 50_257
        )
        for (type, width) in [("<u2", 2), ("<i4", 4), ("<u4", 4), ("<i8", 8)] {
            for name in ["a.npy", "b.bin", "c.txt"] {
                let bytes = CorpusFixture.numpy(type, "(400,)", binary(ids, width: width))
                let corpus = try Corpus.load(path: folder.write(name, bytes), vocabulary: 50_257)
                #expect(corpus.digest == wanted.digest)
            }
        }
        let wrong: [(String, String, [UInt8], String)] = [
            ("<f4", "(4,)", binary([1, 2, 3, 4], width: 4), "elements are of type <f4"),
            (">u2", "(4,)", binary([1, 2, 3, 4], width: 2), "elements are of type >u2"),
            ("<u2", "(2, 2)", binary([1, 2, 3, 4], width: 2), "its shape is (2, 2)"),
            ("<u2", "(5,)", binary([1, 2, 3, 4], width: 2), "should have 5 elements"),
            ("<i4", "(2,)", binary([1, -100], width: 4), "token -100 at offset 1 is outside"),
        ]
        for (type, shape, data, reason) in wrong {
            let path = try folder.write("w.npy", CorpusFixture.numpy(type, shape, data))
            #expect(failure(path)?.message.contains(reason) == true, "\(type) \(shape)")
        }
        #expect(
            failure(try folder.write("n.npy", "text"))?.message.contains("is not a NumPy array")
                == true
        )
    }

    @Test("the case of a name's ending does not matter")
    func upperCaseNames() throws {
        let lower = try Corpus.load(
            path: folder.write("a.bin", binary(ids, width: 2)),
            vocabulary: 50_257
        )
        let upper = try Corpus.load(
            path: folder.write("B.BIN", binary(ids, width: 2)),
            vocabulary: 50_257
        )
        #expect(lower.digest == upper.digest)
    }

    @Test("text in a .bin file, and formats of other programs, are named")
    func otherFormats() throws {
        let text = String(repeating: "To be, or not to be: that is the question.\n", count: 4)
        let message = failure(try folder.write("a.bin", text), vocabulary: 50_257)?.message ?? ""
        #expect(message.contains("looks like text"))
        let rest = [UInt8](repeating: 7, count: 2000)
        let marks: [([UInt8], String)] = [
            ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], "gzip data"),
            ([0x50, 0x4B, 3, 4, 20, 0, 0, 0, 8, 0], "a zip archive"),
            (Array("PAR1".utf8), "a Parquet file"),
            ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "an HDF5 file"),
            (Array("MMIDIDX\0\0".utf8), "the index of a Megatron dataset"),
            (binary([20_240_520, 1, 488], width: 4), "a token file of llm.c"),
            ([0x28, 0xB5, 0x2F, 0xFD], "Zstandard data"),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz data"),
            (Array("BZh91AY&SY".utf8), "bzip2 data"),
            (Array("%PDF-1.7".utf8), "a PDF"),
            (binary([200, 0], width: 4) + Array("{\"__metadata__\"".utf8), "a safetensors file"),
        ]
        for (mark, name) in marks {
            for file in ["f.bin", "f.txt"] {
                let message = failure(try folder.write(file, mark + rest))?.message ?? ""
                #expect(message.contains("it is \(name)"), "\(file): \(message)")
            }
        }
    }

    @Test("text that is not UTF-8 is refused with its encoding or the place")
    func encodings() throws {
        let text = String(repeating: "Größe und Maß. ", count: 8)
        for (encoding, mark, name) in [
            (String.Encoding.utf16LittleEndian, [], "UTF-16LE"),
            (.utf16LittleEndian, [0xFF, 0xFE], "UTF-16LE"),
            (.utf16BigEndian, [], "UTF-16BE"), (.utf32LittleEndian, [], "UTF-32LE"),
            (.utf32BigEndian, [0, 0, 0xFE, 0xFF], "UTF-32BE"),
        ] as [(String.Encoding, [UInt8], String)] {
            let data = try #require(text.data(using: encoding))
            let message = failure(try folder.write("t.txt", mark + Array(data)))?.message ?? ""
            #expect(message.contains("iconv -f \(name) -t UTF-8"), "\(message)")
        }
        let binary = failure(try folder.write("b.txt", [0x61, 0x62, 0, 0x63, 0x64, 0x65]))
        #expect(binary?.message.contains("byte 2 is 0") == true)
    }

    @Test("a byte order mark is no token, and that is said")
    func byteOrderMark() throws {
        let path = try folder.write("bom.txt", "\u{FEFF}Hello")
        let corpus = try Corpus.load(path: path, vocabulary: 256)
        #expect(corpus.tokenCount == 5)
        #expect(corpus.notes == ["corpus \(path): left out the byte order mark at its start"])
    }

    @Test("a text wants the vocabulary of bytes")
    func textUnderOtherVocabulary() throws {
        let message = failure(try folder.write("a.txt", "abc"), vocabulary: 50_257)?.message ?? ""
        #expect(message.contains("the tokens of a text are its bytes"))
        #expect(message.contains("set model.vocabulary: 256"))
    }

    @Test("what a directory has besides is named; hidden files and subdirectories are not read")
    func leftOut() throws {
        for name in [
            "a.txt", "B.TXT", ".c.txt", "sub/d.txt", "e.txt.gz", "f.jsonl", "g.md", "h.md",
        ] {
            _ = try folder.write("texts/\(name)", name)
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/texts/loop",
            withDestinationPath: "."
        )
        let corpus = try Corpus.load(path: folder.path + "/texts", vocabulary: 256)
        #expect(corpus.tokenCount == "B.TXTa.txt".count)
        #expect(
            corpus.notes == [
                "corpus \(folder.path)/texts: read 2 files whose names end in .txt; "
                    + "left out .c.txt, e.txt.gz, f.jsonl, g.md, h.md and 2 more"
            ]
        )
        _ = try folder.write("shards/1.bin", "x")
        #expect(failure(folder.path + "/shards")?.message.contains("only 1.bin") == true)
    }

    @Test("a FIFO as the corpus or in its directory is refused at once")
    func pipes() throws {
        #expect(mkfifo(folder.path + "/s.txt", 0o600) == 0)
        for path in [folder.path + "/s.txt", folder.path] {
            #expect(failure(path)?.message.contains("is not a regular file") == true)
        }
    }

    @Test("a width is stated of token ids only, and must be one")
    func statedWidth() throws {
        for (name, width) in [("a.txt", 2), ("b.bin", 3)] {
            let path = try folder.write(name, "abcdef")
            let error = #expect(throws: OobleckError.self) {
                try Corpus.load(path: path, vocabulary: 256, tokenBytes: width)
            }
            #expect(error?.message.contains("data.token_bytes is \(width)") == true)
        }
    }
}
