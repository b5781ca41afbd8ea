import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@testable import OobleckDashboard

@Suite("Files that are followed", .timeLimit(.minutes(5)))
struct FollowerTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/file.jsonl" }

    init() throws { folder = try TemporaryFolder() }

    private func append(_ text: String) throws {
        try OpenFile(path, for: .append).write(Array(text.utf8))
    }

    @Test("a file that is not there has no lines, and lines come once they are whole")
    func lines() throws {
        var follower = LineFollower(path)
        #expect(try follower.read().lines == [])
        try append("one\ntw")
        #expect(try follower.read().lines == ["one"])
        #expect(try follower.read().lines == [])
        try append("o\nthree\n")
        #expect(try follower.read().lines == ["two", "three"])
    }

    @Test("a line that was taken back before it was whole is forgotten")
    func takenBack() throws {
        var follower = LineFollower(path)
        try append("one\npart")
        #expect(try follower.read().lines == ["one"])
        try OpenFile(path, for: .append).truncate(to: 4)
        try append("two\n")
        // The file is as long as before: nothing tells that what was read of the line is gone.
        #expect(try follower.read().isNew == false)
        try OpenFile(path, for: .append).truncate(to: 4)
        #expect(try follower.read().lines == [])
        try append("three\n")
        #expect(try follower.read().lines == ["three"])
        try OpenFile(path, for: .append).truncate(to: 0)
        try append("new\n")
        let new = try follower.read()
        #expect(new.isNew && new.lines == ["new"])
    }

    @Test("a file that was replaced is read from its beginning")
    func replaced() throws {
        var follower = LineFollower(path)
        try append("one\ntwo\nthree\n")
        _ = try follower.read()
        try AtomicFile.write(Array("new and longer than all before\n".utf8), to: path)
        let read = try follower.read()
        #expect(read.isNew && read.lines == ["new and longer than all before"])
    }

    @Test("a long file is read in pieces")
    func pieces() throws {
        let line = String(repeating: "x", count: 999)
        let count = LineFollower.mostBytes / 1000 * 2 + 7
        _ = try folder.write("file.jsonl", String(repeating: line + "\n", count: count))
        var follower = LineFollower(path)
        var (lines, reads) = (0, 0)
        var hasMore = true
        while hasMore {
            let read = try follower.read()
            (lines, reads, hasMore) = (lines + read.lines.count, reads + 1, read.hasMore)
        }
        #expect(lines == count && reads == 3)
    }

    @Test("the tail of a log is bounded, whole lines, and continues where it ended")
    func log() throws {
        let lines = (0..<40_000).map { "line \($0)\n" }.joined()
        _ = try folder.write("file.jsonl", lines + "not who")
        let tail = try LogTail(path, from: 0)
        #expect(tail.isCut && tail.text.utf8.count <= LogTail.mostBytes)
        #expect(tail.text.hasPrefix("line ") && tail.text.hasSuffix("line 39999\n"))
        try append("le\u{1B}[31m\n")
        let rest = try LogTail(path, from: tail.next)
        #expect(rest.text == "not whole [31m\n" && !rest.isCut)
        #expect(try LogTail(path, from: rest.next).text.isEmpty)
        // A log that began anew is read from its beginning.
        #expect(try LogTail(path, from: 1 << 40).text.hasSuffix("not whole [31m\n"))
    }

    @Test("a log with one endless line is bounded, too")
    func endless() throws {
        _ = try folder.write("file.jsonl", String(repeating: "x", count: 3 * LogTail.mostBytes))
        let tail = try LogTail(path, from: 0)
        #expect(tail.text.utf8.count <= LogTail.mostBytes && tail.next == 3 * LogTail.mostBytes)
    }
}
