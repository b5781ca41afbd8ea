import Crypto
import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

/// Corpora of every format against the list of numbers that they were written from.
@Suite(.timeLimit(.minutes(5))) struct CorpusReferenceTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A file with tokens, and how to load it.
    private struct Written {
        let path: String
        var tokenBytes: Int?
        let numbers: [Int]
        let vocabulary: Int
    }

    /// Lengths at which something might go wrong; the large ones are pieces of a pass and around.
    private static let counts = [0, 1, 2, 5, 6, 7, 11, 64, 1000]
    private static let largeCounts = [32_767, 32_768, 32_769, 65_541]

    private static func count(_ seed: Seed, _ generator: inout SeededGenerator) -> Int {
        (seed.value.isMultiple(of: 8) ? largeCounts : counts).randomElement(using: &generator) ?? 0
    }

    private func written(_ seed: Seed, _ generator: inout SeededGenerator) throws -> Written {
        let count = Self.count(seed, &generator)
        let (width, isSigned) =
            [
                (1, false), (1, true), (2, false), (2, true), (4, false), (4, true), (8, false),
                (8, true),
            ]
            .randomElement(using: &generator) ?? (2, false)
        let most = 1 << (8 * min(width, 3) - (isSigned ? 1 : 0))
        let vocabulary =
            [2, 100, 256, 50_257, 65_536, 65_537, 128_256, 16_777_216]
            .filter { $0 <= most }.randomElement(using: &generator) ?? 2
        var numbers = (0..<count).map { _ in Int.random(in: 0..<vocabulary, using: &generator) }
        if Bool.random(using: &generator), let last = numbers.indices.last {
            // Only the last id may be large, in a piece of its own perhaps.
            for index in 0..<last { numbers[index] %= 60_000 }
        }
        let data = CorpusFixture.binary(numbers, width: width)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0:
            return Written(
                path: try folder.write("a.bin", data),
                tokenBytes: width,
                numbers: numbers,
                vocabulary: vocabulary
            )
        case 1:
            let type = (width == 1 ? "|" : "<") + (isSigned ? "i" : "u") + "\(width)"
            let file = CorpusFixture.numpy(type, "(\(count),)", data)
            return Written(
                path: try folder.write("a.npy", file),
                numbers: numbers,
                vocabulary: vocabulary
            )
        default:
            let codes = [1: 1, 2: 8, 4: 4, 8: 5]
            let cut = Int.random(in: 0...count, using: &generator)
            let index = CorpusFixture.megatron(
                code: codes[width] ?? 0,
                width: width,
                lengths: [cut, 0, count - cut]
            )
            _ = try folder.write("m.bin", data)
            return Written(
                path: try folder.write("m.idx", index),
                numbers: numbers,
                vocabulary: vocabulary
            )
        }
    }

    @Test(
        "ids of every width and format are those that were written",
        arguments: Seed.range(0..<200)
    )
    func identifiers(_ seed: Seed) throws {
        var generator = SeededGenerator(seed)
        let written = try written(seed, &generator)
        // The second load believes what the first kept.
        for _ in 0..<2 {
            let corpus = try Corpus.load(
                path: written.path,
                vocabulary: written.vocabulary,
                tokenBytes: written.tokenBytes
            )
            try check(corpus, written.numbers, &generator)
        }
    }

    @Test("the bytes of a text are those that were written", arguments: Seed.range(0..<60))
    func texts(_ seed: Seed) throws {
        var generator = SeededGenerator(seed)
        let count = Self.count(seed, &generator)
        let letters = ["a", "\n", "ö", "€", "𝄞"]
        let text = (0..<count).map { _ in letters.randomElement(using: &generator) ?? "" }.joined()
        let mark = Bool.random(using: &generator) ? "\u{FEFF}" : ""
        let path = try folder.write("a.txt", mark + text)
        _ = try folder.write("texts/a.txt", mark + text)
        for path in [path, path, folder.path + "/texts"] {
            let corpus = try Corpus.load(path: path, vocabulary: 256)
            #expect(corpus.notes.count == (mark.isEmpty ? 0 : 1))
            try check(corpus, text.utf8.map(Int.init), &generator)
        }
    }

    private func check(
        _ corpus: Corpus,
        _ numbers: [Int],
        _ generator: inout SeededGenerator
    ) throws {
        #expect(corpus.tokenCount == numbers.count)
        #expect(corpus.digest == Self.digest(numbers))
        let sequence = Int.random(in: 1...max(1, min(300, numbers.count)), using: &generator)
        guard numbers.count > sequence else {
            #expect(throws: OobleckError.self) {
                try corpus.sampleCount(sequenceLength: sequence)
            }
            return
        }
        let count = try corpus.sampleCount(sequenceLength: sequence)
        #expect(count == (numbers.count - 1) / sequence)
        let samples =
            [0, count - 1] + (0..<4).map { _ in Int.random(in: 0..<count, using: &generator) }
        let (inputs, targets) = corpus.batch(samples: samples, sequenceLength: sequence)
        let places = samples.flatMap { $0 * sequence..<($0 + 1) * sequence }
        #expect(inputs == places.map { Int64(numbers[$0]) })
        #expect(targets == places.map { Int64(numbers[$0 + 1]) })
    }

    /// By the definition, over all of it at once.
    private static func digest(_ numbers: [Int]) -> String {
        let isWide = numbers.contains { $0 > 65_535 }
        let bytes = CorpusFixture.binary(numbers, width: isWide ? 4 : 2)
        return SHA256.hash(data: bytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    @Test("exactly one sample is one sample, and a token less is none")
    func oneSample() throws {
        for width in [2, 4] {
            let data = CorpusFixture.binary([3, 1, 4, 1, 5], width: width)
            let path = try folder.write("a.bin", data)
            let corpus = try Corpus.load(path: path, vocabulary: 6, tokenBytes: width)
            #expect(try corpus.sampleCount(sequenceLength: 4) == 1)
            #expect(corpus.batch(samples: [0], sequenceLength: 4).targets == [1, 4, 1, 5])
            #expect(throws: OobleckError.self) { try corpus.sampleCount(sequenceLength: 5) }
        }
    }

    @Test("ids above 65,535 are read, and have a digest over 32-bit numbers")
    func largeVocabulary() throws {
        let path = try folder.write("a.bin", CorpusFixture.binary([1, 65_536, 128_255], width: 4))
        let corpus = try Corpus.load(path: path, vocabulary: 128_256, tokenBytes: 4)
        #expect(corpus.batch(samples: [0], sequenceLength: 2).targets == [65_536, 128_255])
        // hashlib.sha256(struct.pack("<3I", 1, 65536, 128255))
        #expect(
            corpus.digest == "76a2f76f413a215606e84969ee041e159bc0018a0e5c66904cc851cb763a7712"
        )
    }

    @Test("the digest is the same wherever the first id above 65,535 is")
    func lateLargeToken() throws {
        for place in [0, 32_767, 32_768, 69_999] {
            var numbers = [Int](repeating: 7, count: 70_000)
            numbers[place] = 65_536
            for width in [4, 8] {
                let data = CorpusFixture.binary(numbers, width: width)
                let path = try folder.write("a.bin", data)
                let corpus = try Corpus.load(path: path, vocabulary: 65_537, tokenBytes: width)
                #expect(corpus.digest == Self.digest(numbers))
            }
        }
    }

    @Test("the first token outside the vocabulary is named, not the largest")
    func firstOutside() throws {
        var numbers = [Int](repeating: 5, count: 70_000)
        (numbers[40_000], numbers[60_000]) = (101, 900)
        for (first, word) in [(101, "101"), (-7, "-7")] {
            numbers[40_000] = first
            let path = try folder.write("a.bin", CorpusFixture.binary(numbers, width: 4))
            // The second refusal follows from what the first look kept.
            for _ in 0..<2 {
                let error = #expect(throws: OobleckError.self) {
                    try Corpus.load(path: path, vocabulary: 100, tokenBytes: 4)
                }
                #expect(
                    error?.message.contains(
                        "token \(word) at offset 40000 is outside the vocabulary of 100"
                    ) == true
                )
            }
        }
    }

    @Test("the first byte that is no UTF-8 is named, wherever a pass is cut", arguments: -5...5)
    func invalidText(_ shift: Int) throws {
        // A pass looks at 32,768 bytes at a time.
        let place = 32_768 + shift
        for wrong in [[0xFF], [0xE2, 0x82, 0x41], [0x80, 0x80, 0x80, 0x80, 0x80]] as [[UInt8]] {
            let bytes = [UInt8](repeating: 0x61, count: place) + wrong + Array("abc".utf8)
            let message = #expect(throws: OobleckError.self) {
                try Corpus.load(path: folder.write("a.txt", bytes), vocabulary: 256)
            }?.message
            #expect(message?.contains(": byte \(place) (0x") == true, "\(message ?? "")")
        }
        let zero = [UInt8](repeating: 0x61, count: place) + [0] + Array("abc".utf8)
        let message = #expect(throws: OobleckError.self) {
            try Corpus.load(path: folder.write("a.txt", zero), vocabulary: 256)
        }?.message
        #expect(message?.contains("byte \(place) is 0, which no text has") == true)
    }

    @Test("a corpus keeps its tokens when another file takes its name")
    func replaced() throws {
        let path = try folder.write("a.txt", "abcdef")
        let corpus = try Corpus.load(path: path, vocabulary: 256)
        let other = try folder.write("b.txt", "123")
        #expect(rename(other, path) == 0)
        #expect(corpus.batch(samples: [1], sequenceLength: 2).targets == [100, 101])
        #expect(try Corpus.load(path: path, vocabulary: 256).tokenCount == 3)
    }
}
