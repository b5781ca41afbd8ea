import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRunReport
import OobleckTestSupport
import Testing

@testable import OobleckDashboard

@Suite("The runs of a dashboard", .timeLimit(.minutes(5)))
struct ShelfTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        _ = try MadeUpRun.directory(in: folder, "first")
        _ = try MadeUpRun.directory(in: folder, "second")
        _ = try folder.write("first/logs/node-0.log", "hello\n")
        _ = try folder.write("first/logs/node-10.log", "")
        _ = try folder.write("first/logs/node-2.log", "")
        _ = try folder.write("secret.log", "secret")
    }

    @Test("runs of a folder, and one run alone")
    func places() throws {
        let shelf = try RunShelf(path: folder.path)
        let names = try shelf.list().runs.map { URL(fileURLWithPath: $0.path).lastPathComponent }
        #expect(Set(names) == ["first", "second"])
        #expect(!shelf.isOne)
        let one = try RunShelf(path: folder.path + "/first/")
        let alone = try one.list().runs
        #expect(one.isOne && alone.count == 1)
        #expect(throws: OobleckError.self) { try one.directory("second") }
        #expect(throws: OobleckError.self) { try RunShelf(path: folder.path + "/none") }
        #expect(try RunShelf(run: { nil }).list().runs.isEmpty)
    }

    @Test(
        "a name never leads out of the folder",
        arguments: [
            "..", ".", "", "../first", "first/../second", "/etc", "first/logs", "..%2f..", "none",
            "first\u{0}", String(repeating: "x", count: 300),
        ]
    )
    func names(_ name: String) throws {
        let inside = try RunShelf(path: folder.path)
        #expect(throws: OobleckError.self) { try inside.directory(name) }
        #expect(throws: OobleckError.self) { try inside.log(name, of: "first", from: 0) }
        #expect(throws: OobleckError.self) { try inside.log("node-0", of: name, from: 0) }
    }

    @Test("logs are listed in the order of their numbers; a link to elsewhere is none")
    func logs() throws {
        let shelf = try RunShelf(path: folder.path)
        #expect(try shelf.logs("first") == ["node-0", "node-2", "node-10"])
        #expect(try shelf.log("node-0", of: "first", from: 0).text == "hello\n")
        #expect(throws: OobleckError.self) { try shelf.log("../../secret", of: "first", from: 0) }
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/first/logs/link.log",
            withDestinationPath: folder.path + "/secret.log"
        )
        #expect(throws: OobleckError.self) { try shelf.log("link", of: "first", from: 0) }
    }

    @Test("pages of one run share what follows it, and only so many are followed")
    func watches() throws {
        let shelf = try RunShelf(path: folder.path)
        let (one, other) = (try shelf.watch("first"), try shelf.watch("first"))
        #expect(one === other)
        for number in 0..<20 { _ = try MadeUpRun.directory(in: folder, "more-\(number)") }
        let first = try shelf.watch("first")
        for number in 0..<20 { _ = try shelf.watch("more-\(number)") }
        let again = try shelf.watch("first")
        #expect(again !== first)
    }

    @Test("a look that finds nothing new sends nothing; what changes is sent alone")
    func changes() async throws {
        let watch = try RunShelf(path: folder.path).watch("first")
        let (look, parts) = try await watch.changes(after: 0)
        #expect(
            parts.map(\.name) == [
                "lanes", "loss", "nodes", "recoveries", "run", "speed", "trouble",
            ]
        )
        let path = folder.path + "/first/events.jsonl"
        let commit = MadeUpRun.event(120, 1, 4, MadeUpRun.committed(3, loss: 1))
        let old = try String(contentsOfFile: path, encoding: .utf8)
        try (old + commit.text + "\n").write(toFile: path, atomically: false, encoding: .utf8)
        var changed: Set<String> = []
        let end = Date(timeIntervalSinceNow: 20)
        while changed.isEmpty, Date() < end {
            try await Task.sleep(for: .milliseconds(20))
            changed = Set(try await watch.changes(after: look).parts.map(\.name))
        }
        #expect(changed.contains("loss") && changed.contains("run") && !changed.contains("nodes"))
    }

    @Test("a file that cannot be read is told, and what is known stays until it can be read again")
    func trouble() async throws {
        let watch = try RunShelf(path: folder.path).watch("first")
        var look = try await watch.changes(after: 0).look
        func trouble() async throws -> String? {
            let end = Date(timeIntervalSinceNow: 20)
            while Date() < end {
                let (newest, parts) = try await watch.changes(after: look)
                look = newest
                if let part = parts.first(where: { $0.name == "trouble" }) { return part.json }
                try await Task.sleep(for: .milliseconds(20))
            }
            return nil
        }
        let path = folder.path + "/first/events.jsonl"
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(try await trouble()?.contains("is a directory") == true)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        #expect(try await trouble() == "{}")
        #expect(try await watch.events(EventQuery()).total == 9)
    }

    @Test("events are found by kind, node and words")
    func filter() async throws {
        let watch = try RunShelf(path: folder.path).watch("first")
        func kinds(_ query: EventQuery) async throws -> [String] {
            try await watch.events(query).events.map(\.kind)
        }
        func query(
            _ kinds: String? = nil,
            without: String? = nil,
            node: String? = nil,
            text: String? = nil
        ) -> EventQuery { EventQuery(kinds: kinds, without: without, node: node, text: text) }
        #expect(try await kinds(query("node-lost")) == ["node-lost"])
        #expect(try await kinds(query("node-lost,recovered")) == ["recovered", "node-lost"])
        #expect(try await kinds(query(node: "1")) == ["recovered", "node-lost", "node-joined"])
        #expect(try await kinds(query(text: "KILLED node")) == ["node-lost"])
        #expect(try await kinds(query(node: "1", text: "nothing of it")) == [])
        #expect(try await !kinds(query(without: "planned")).contains("planned"))
        #expect(try await watch.events(query()).total == 9)
    }
}
