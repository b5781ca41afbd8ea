import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite struct CorpusTests {
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
}
