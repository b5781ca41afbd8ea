import Foundation
import OobleckCore
import OobleckTestSupport
import Synchronization
import Testing

@testable import OobleckData

/// What is kept beside columns, when it is believed, and how far reading them is.
@Suite("The first look at data", .timeLimit(.minutes(5)))
struct ColumnSummaryTests {
    private typealias Tensor = ImportManifest.BatchTensor

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func load(
        _ path: String,
        names: [String] = ["input_ids", "labels"],
        vocabulary: Int = 10,
        look: FirstLook = FirstLook()
    ) throws -> ColumnFiles {
        var manifest = try ImportFixture().decoded()
        manifest.batch = names.map { Tensor($0, [2, 2], .int64, .column) }
        (manifest.vocabulary, manifest.sequence) = (vocabulary, nil)
        let model = ImportedModel(path: "/model", sha256: "", manifest: manifest)
        return try ColumnFiles(path: path, model: .imported(model), look: look)
    }

    private func load(
        _ path: String,
        names: [String] = ["input_ids", "labels"],
        vocabulary: Int = 10,
        look: FirstLook = FirstLook()
    ) throws -> ColumnFiles {
        try Self.load(path, names: names, vocabulary: vocabulary, look: look)
    }

    private func write(_ name: String, _ ids: [Int]) throws {
        let bytes = ColumnFixture.npy("<i4", [3, 2], ColumnFixture.numbers(ids, 4))
        _ = try folder.write(name, bytes)
    }

    /// Two columns in the folder `c`.
    private func columns() throws -> String {
        try write("c/input_ids.npy", [0, 9, 1, 2, 3, 4])
        try write("c/labels.npy", [5, -100, 1, 2, 3, 4])
        return folder.path + "/c"
    }

    /// Writes over the numbers of a column; its time of change is as before, or later.
    private func overwrite(_ path: String, _ ids: [Int], keepsTime: Bool) throws {
        var status = stat()
        try #require(stat(path, &status) == 0)
        let bytes = ColumnFixture.npy("<i4", [3, 2], ColumnFixture.numbers(ids, 4))
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.write(contentsOf: Data(bytes))
        try file.close()
        var times = [status.st_mtim, status.st_mtim]
        if !keepsTime { times[1].tv_nsec ^= 1 }
        try #require(utimensat(AT_FDCWD, path, times, 0) == 0)
    }

    @Test("columns whose files are the same are not read again")
    func believed() throws {
        let path = try columns()
        let first = try load(path).digest()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted()
                == ["columns.oobleck-digest", "input_ids.npy", "labels.npy"]
        )
        try overwrite(path + "/labels.npy", [0, 0, 0, 0, 0, 0], keepsTime: true)
        #expect(try load(path).digest() == first)
        try overwrite(path + "/labels.npy", [0, 0, 0, 0, 0, 0], keepsTime: false)
        #expect(try load(path).digest() != first)
    }

    @Test("the digest is the same whether it is kept or not, and a damaged file is read past")
    func same() throws {
        let path = try columns()
        let look = FirstLook(keepsSummary: false)
        let digest = try load(path, look: look).digest()
        let kept = path + "/columns.oobleck-digest"
        #expect(!FileManager.default.fileExists(atPath: kept))
        for _ in 0..<2 { #expect(try load(path).digest() == digest) }
        for text in ["", "{}", "{\"version\":1", String(repeating: "[", count: 1000)] {
            try text.write(toFile: kept, atomically: true, encoding: .utf8)
            #expect(try load(path).digest() == digest)
        }
    }

    @Test("what is kept of other columns, or for a larger vocabulary, decides nothing")
    func others() throws {
        let path = try columns()
        let both = try load(path).digest()
        #expect(try load(path, names: ["labels"]).digest() != both)
        #expect(try load(path).digest() == both)
        let error = #expect(throws: OobleckError.self) { try load(path, vocabulary: 9) }
        let place = "\(path)/input_ids.npy: column input_ids, sample 0: token 9"
        #expect(error?.message == "\(place) is outside the vocabulary of 9")
        try write("d/input_ids.npy", [0, 1, -100, 1, 1, 1])
        for _ in 0..<2 {
            let error = #expect(throws: OobleckError.self) {
                try load(folder.path + "/d", names: ["input_ids"])
            }
            #expect(error?.message.contains("sample 1: token -100 is outside") == true)
        }
    }

    @Test("a look says how far it is, up to all of it")
    func progress() throws {
        let said = Mutex<[FirstLook.Progress]>([])
        let look = FirstLook { progress in said.withLock { $0.append(progress) } }
        let path = try columns()
        _ = try load(path, look: look)
        let expected = [24, 48].map { FirstLook.Progress(path: path, bytes: $0, allBytes: 48) }
        #expect(said.withLock { $0 } == expected, "at the beginning, and at the end")
        let text = try folder.write("a.txt", String(repeating: "a", count: 100_000))
        _ = try Corpus.load(path: text, vocabulary: 256, look: look)
        let last = FirstLook.Progress(path: text, bytes: 100_000, allBytes: 100_000)
        #expect(said.withLock { $0.last } == last)
        let count = said.withLock { $0.count }
        _ = try load(path, look: look)
        _ = try Corpus.load(path: text, vocabulary: 256, look: look)
        #expect(said.withLock { $0.count } == count, "what is kept is not read")
    }

    @Test("a look ends in a task that is cancelled, and keeps nothing")
    func cancelled() async throws {
        let path = try columns()
        let text = try folder.write("a.txt", String(repeating: "a", count: 100_000))
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            #expect(throws: CancellationError.self) { try Self.load(path) }
            #expect(throws: CancellationError.self) {
                try Corpus.load(path: text, vocabulary: 256)
            }
        }
        task.cancel()
        await task.value
        #expect(try folder.names == ["a.txt", "c"])
        #expect(!FileManager.default.fileExists(atPath: path + "/columns.oobleck-digest"))
    }
}
