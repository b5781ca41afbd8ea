import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

/// Megatron-LM's data sets: `NAME.idx` and `NAME.bin`.
@Suite(.timeLimit(.minutes(5))) struct MegatronFilesTests {
    let folder: TemporaryFolder
    private let ids = (0..<60).map { ($0 * 31) % 100 }

    init() throws { folder = try TemporaryFolder() }

    private func failure(_ path: String, tokenBytes: Int? = nil) -> String {
        #expect(throws: OobleckError.self) {
            try Corpus.load(path: path, vocabulary: 100, tokenBytes: tokenBytes)
        }?.message ?? ""
    }

    private func write(_ index: [UInt8], width: Int, name: String = "m") throws {
        _ = try folder.write("\(name).bin", CorpusFixture.binary(ids, width: width))
        _ = try folder.write("\(name).idx", index)
    }

    @Test("tokens of every integer type are read, by the name of either file")
    func types() throws {
        let wanted = try Corpus.load(
            path: folder.write("w.bin", CorpusFixture.binary(ids, width: 2)),
            vocabulary: 100,
            tokenBytes: 2
        )
        for (code, width) in [(1, 1), (2, 1), (3, 2), (4, 4), (5, 8), (8, 2)] {
            let index = CorpusFixture.megatron(
                code: code,
                width: width,
                lengths: [10, 0, 49, 1],
                documents: [0, 2, 4]
            )
            // Multimodal sets have a mode for each sequence at the end.
            for modes in [[], [0, 1, 0, 1]] as [[UInt8]] {
                try write(index + modes, width: width)
                for name in ["m.bin", "m.idx"] {
                    let path = folder.path + "/" + name
                    let corpus = try Corpus.load(path: path, vocabulary: 100)
                    #expect(corpus.path == path)
                    #expect(corpus.digest == wanted.digest, "type code \(code)")
                    #expect(
                        corpus.batch(samples: [2], sequenceLength: 7).inputs.map(Int.init)
                            == Array(ids[14..<21])
                    )
                }
            }
        }
    }

    @Test("an index that cannot be right is refused with what is wrong")
    func indices() throws {
        let good = CorpusFixture.megatron(code: 4, width: 4, lengths: [20, 40])
        func index(
            _ lengths: [Int],
            _ places: [Int]? = nil,
            code: Int = 4,
            version: Int = 1
        ) -> [UInt8] {
            CorpusFixture.megatron(
                code: code,
                width: 4,
                lengths: lengths,
                places: places,
                version: version
            )
        }
        var hugeCounts = good
        hugeCounts.replaceSubrange(18..<34, with: [UInt8](repeating: 0xFF, count: 16))
        let cases: [([UInt8], String)] = [
            (index([20, 40], version: 2), "its version is 2; it must be 1"),
            (index([20, 40], code: 7), "floating-point numbers (type code 7)"),
            (index([20, 40], code: 6), "floating-point numbers (type code 6)"),
            (index([20, 40], code: 9), "of an unknown type (type code 9)"),
            (Array(good.prefix(20)), "it has 20 bytes and ends in its header"),
            (Array(good.dropLast()), "it has 73 bytes; 2 sequences and 2 documents take 74"),
            (good + [0], "it has 75 bytes; 2 sequences and 2 documents take 74"),
            (hugeCounts, "it has 74 bytes; 18446744073709551615 sequences"),
            (index([20, 40], [0, 84]), "sequence 1 begins at byte 84 of"),
            (index([20, 40], [0, -80]), "it must begin at 80, where the one before ends"),
            (index([20, 40], [0, .max]), "sequence 1 begins at byte"),
            (index([20, 40], [4, 84]), "sequence 0 begins at byte 4"),
            (index([-1, 61], [0, 0]), "sequence 0 has -1 tokens"),
            (index([20, 41]), "sequence 1 ends at byte 244 of"),
            (index([20, 39]), "its sequences end at byte 236 of"),
            (index([]), "its sequences end at byte 0 of"),
        ]
        for (bytes, reason) in cases {
            try write(bytes, width: 4)
            for name in ["m.bin", "m.idx"] {
                let message = failure(folder.path + "/" + name)
                #expect(message.contains(reason), "\(message)")
                #expect(message.contains(folder.path + "/m.idx"), "\(message)")
                #expect(!message.contains("\n"))
            }
        }
    }

    @Test("an index that changes after the tokens were looked at is checked again")
    func indexChanges() throws {
        try write(CorpusFixture.megatron(code: 4, width: 4, lengths: [20, 40]), width: 4)
        let path = folder.path + "/m.idx"
        #expect(try Corpus.load(path: path, vocabulary: 100).tokenCount == 60)
        _ = try folder.write("m.idx", CorpusFixture.megatron(code: 4, width: 4, lengths: [20, 38]))
        #expect(failure(path).contains("its sequences end at byte 232"))
    }

    @Test("a stated width beside an index is refused, as is a token outside the vocabulary")
    func refusals() throws {
        try write(CorpusFixture.megatron(code: 4, width: 4, lengths: [60]), width: 4)
        for name in ["m.bin", "m.idx"] {
            let message = failure(folder.path + "/" + name, tokenBytes: 4)
            #expect(message.contains("data.token_bytes is 4, but the Megatron index"), "\(message)")
            #expect(message.contains("leave it out"))
        }
        let error = #expect(throws: OobleckError.self) {
            try Corpus.load(path: folder.path + "/m.idx", vocabulary: 50)
        }
        #expect(error?.message.contains("m.bin: token 62 at offset 2 is outside") == true)
    }

    @Test("an index without its tokens names the file that it needs")
    func withoutTokens() throws {
        let index = CorpusFixture.megatron(code: 4, width: 4, lengths: [60])
        #expect(
            failure(try folder.write("m.idx", index)).contains(
                "must be in the file \(folder.path)/m.bin, which does not exist"
            )
        )
        // Under another name it is no index of anything.
        #expect(failure(try folder.write("x.bin", index)).contains("index of a Megatron dataset"))
    }

    @Test("another file of that name beside a .bin file does not matter, nor does a folder")
    func otherNeighbours() throws {
        let path = try folder.write("a.bin", CorpusFixture.binary(ids, width: 2))
        _ = try folder.write("a.idx", "an index of another kind")
        #expect(try Corpus.load(path: path, vocabulary: 100).tokenCount == 60)
        let other = try folder.write("b.bin", CorpusFixture.binary(ids, width: 2))
        _ = try folder.write("b.idx/x", "x")
        #expect(try Corpus.load(path: other, vocabulary: 100).tokenCount == 60)
    }

    @Test("the case of the names' endings does not matter")
    func upperCase() throws {
        _ = try folder.write("M.BIN", CorpusFixture.binary(ids, width: 4))
        let index = CorpusFixture.megatron(code: 4, width: 4, lengths: [60])
        for name in ["M.IDX", "M.idx"] {
            let path = try folder.write(name, index)
            #expect(try Corpus.load(path: path, vocabulary: 100).tokenCount == 60)
            #expect(try Corpus.load(path: folder.path + "/M.BIN", vocabulary: 100).tokenCount == 60)
            try FileManager.default.removeItem(atPath: path)
        }
    }
}
