import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

/// What is kept beside a corpus, and when it is believed.
@Suite(.timeLimit(.minutes(5))) struct KeptSummaryTests {
    let folder: TemporaryFolder
    private let ids = (0..<400).map { ($0 * 7919) % 50_257 }

    init() throws { folder = try TemporaryFolder() }

    private var data: [UInt8] { CorpusFixture.binary(ids, width: 2) }
    /// Other tokens, as many.
    private var other: [UInt8] { CorpusFixture.binary(ids.reversed(), width: 2) }

    private func load(_ path: String, tokenBytes: Int? = nil) throws -> Corpus {
        try Corpus.load(path: path, vocabulary: 50_257, tokenBytes: tokenBytes)
    }

    private func digest(_ bytes: [UInt8]) throws -> String {
        try load(folder.write("other/\(UUID().uuidString).bin", bytes)).digest
    }

    /// Writes over the bytes of a file in place; its time of change is as before, or later.
    private func overwrite(_ path: String, _ bytes: [UInt8], keepsTime: Bool) throws {
        var status = stat()
        try #require(stat(path, &status) == 0)
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.write(contentsOf: Data(bytes))
        try file.close()
        var times = [status.st_mtim, status.st_mtim]
        if !keepsTime { times[1].tv_nsec ^= 1 }
        try #require(utimensat(AT_FDCWD, path, times, 0) == 0)
    }

    @Test("a file whose size, time and inode are the same is not read again")
    func believed() throws {
        let path = try folder.write("a.bin", data)
        let first = try load(path)
        #expect(try folder.names == ["a.bin", "a.bin.oobleck-digest"])
        try overwrite(path, data.map { _ in 7 }, keepsTime: true)
        #expect(try load(path).digest == first.digest)
    }

    @Test("a file of another time, size, inode or type is read again")
    func notBelieved() throws {
        let path = try folder.write("a.bin", data)
        let first = try load(path)
        try overwrite(path, other, keepsTime: false)
        let second = try load(path)
        #expect(second.digest == (try digest(other)))
        #expect(second.digest != first.digest)
        // The same inode and time, but longer.
        try overwrite(path, other + [1, 0], keepsTime: true)
        #expect(try load(path).digest == (try digest(other + [1, 0])))
        var status = stat()
        try #require(stat(path, &status) == 0)
        let copy = try folder.write("copy", data + [1, 0])
        try #require(utimensat(AT_FDCWD, copy, [status.st_mtim, status.st_mtim], 0) == 0)
        try #require(rename(copy, path) == 0)
        #expect(try load(path).digest == (try digest(data + [1, 0])))
        #expect(try Corpus.load(path: path, vocabulary: 256, tokenBytes: 1).tokenCount == 802)
        #expect(try load(path).tokenCount == 401)
    }

    @Test("a load that is to leave nothing behind writes nothing, and believes what is kept")
    func leavesNothing() throws {
        let path = try folder.write("a.bin", data)
        func digest() throws -> String {
            try Corpus.load(path: path, vocabulary: 50_257, look: FirstLook(keepsSummary: false))
                .digest
        }
        let wanted = try digest()
        #expect(try folder.names == ["a.bin"])
        _ = try load(path)
        try overwrite(path, other, keepsTime: true)
        #expect(try digest() == wanted)
    }

    @Test("loads at the same time do not disturb each other")
    func together() async throws {
        let path = try folder.write("a.bin", data)
        let wanted = try digest(data)
        let digests = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<32 {
                group.addTask { try Corpus.load(path: path, vocabulary: 50_257).digest }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(digests == [wanted])
        #expect(try load(path).digest == wanted)
    }

    @Test("damaged or foreign content of the kept file is ignored and replaced")
    func damaged() throws {
        let path = try folder.write("a.bin", data)
        let kept = path + ".oobleck-digest"
        let wanted = try load(path).digest
        let good = try String(contentsOfFile: kept, encoding: .utf8)
        let bad = [
            "", "{}", "[1]", "no JSON", String(good.dropLast(20)), good + good,
            String(repeating: " ", count: 1 << 17) + good,
            good.replacingOccurrences(of: "\"version\": 1", with: "\"version\": 2"),
            good.replacingOccurrences(of: "\"uint16\"", with: "\"text\""),
            good.replacingOccurrences(of: "\"looks_like\": null", with: "\"looks_like\": \"new\""),
            good.replacingOccurrences(of: "\"token_count\": 400", with: "\"token_count\": 4"),
            good.replacingOccurrences(of: "_position\": ", with: "_position\": 99"),
            good.replacingOccurrences(of: "\"digest\": \"", with: "\"digest\": \"0"),
            good.replacingOccurrences(of: "\"largest_token\"", with: "\"largest\""),
        ]
        for text in bad {
            #expect(text != good)
            try text.write(toFile: kept, atomically: false, encoding: .utf8)
            #expect(try load(path).digest == wanted, "\(text)")
            #expect(try String(contentsOfFile: kept, encoding: .utf8) == good, "\(text)")
        }
    }

    @Test("where nothing can be kept the corpus is read every time, without a word")
    func notKept() throws {
        let path = try folder.write("a.bin", data)
        // A directory at the name of the file, or of the file it is made from.
        for name in ["a.bin.oobleck-digest", ".a.bin.oobleck-digest.partial"] {
            _ = try folder.write("\(name)/x", "x")
            let first = try load(path)
            #expect(first.notes.isEmpty)
            try overwrite(path, other, keepsTime: true)
            #expect(try load(path).digest != first.digest)
            try overwrite(path, data, keepsTime: true)
            try FileManager.default.removeItem(atPath: folder.path + "/" + name)
        }
    }

    @Test("what a file looks like is kept too: a width that was stated once is not believed later")
    func appearance() throws {
        let path = try folder.write("a.bin", CorpusFixture.binary(ids, width: 4))
        #expect(try load(path, tokenBytes: 2).tokenCount == 800)
        let error = #expect(throws: OobleckError.self) { try load(path) }
        #expect(error?.message.contains("looks like 32-bit token ids") == true)
        #expect(try load(path, tokenBytes: 4).tokenCount == 400)
    }

    @Test("of texts and NumPy arrays as well; a folder of texts does not name the kept files")
    func otherFormats() throws {
        let text = try folder.write("texts/a.txt", "Hello")
        let array = try folder.write("a.npy", CorpusFixture.numpy("<u2", "(400,)", data))
        let wanted = (try Corpus.load(path: text, vocabulary: 256).digest, try load(array).digest)
        #expect(try Corpus.load(path: folder.path + "/texts", vocabulary: 256).notes.isEmpty)
        try overwrite(text, Array("World".utf8), keepsTime: true)
        try overwrite(array, CorpusFixture.numpy("<u2", "(400,)", other), keepsTime: true)
        #expect(try Corpus.load(path: text, vocabulary: 256).digest == wanted.0)
        #expect(try load(array).digest == wanted.1)
    }

    @Test("a text that is refused is refused again")
    func refusedText() throws {
        let path = try folder.write("a.txt", [0x61, 0xFF, 0x62])
        for _ in 0..<2 {
            #expect(throws: OobleckError.self) { try Corpus.load(path: path, vocabulary: 256) }
        }
        #expect(try folder.names == ["a.txt"])
    }
}
