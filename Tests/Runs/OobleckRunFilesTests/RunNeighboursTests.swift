import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

@Suite("Other nodes of a run on this machine", .timeLimit(.minutes(5))) struct RunNeighboursTests {
    /// A folder that stands for /proc, with these processes' arguments.
    private func withProcesses(
        _ processes: [Int32: [String]],
        _ body: (String) throws -> Void
    ) throws {
        let folder = NSTemporaryDirectory() + "oobleck-proc-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (process, arguments) in processes {
            let path = "\(folder)/\(process)"
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
            try Data(arguments.joined(separator: "\0").utf8).write(
                to: URL(fileURLWithPath: path + "/cmdline")
            )
        }
        try body(folder)
    }

    @Test("they are the workers with the run's token, whatever its file is called")
    func workers() throws {
        let token = try RunToken(parsing: String(repeating: "ab", count: 32))
        let other = try RunToken(parsing: String(repeating: "cd", count: 32))
        let files = NSTemporaryDirectory() + "oobleck-token-\(UUID().uuidString)"
        defer { for end in ["a", "b", "c"] { unlink(files + end) } }
        try TokenFile.write(token, to: files + "a")
        try TokenFile.write(token, to: files + "b")
        try TokenFile.write(other, to: files + "c")
        func worker(_ file: String) -> [String] {
            ["/bin/oobleck-worker", "worker", "--token-file", files + file, "--node", "1"]
        }
        func exist(_ processes: [Int32: [String]]) throws -> Bool {
            var found = false
            try withProcesses(processes) {
                found = RunNeighbours(token: token, processes: $0, own: 7).exist()
            }
            return found
        }
        #expect(try exist([7: worker("a"), 8: worker("b")]))
        #expect(try !exist([7: worker("a"), 8: worker("c"), 9: worker("missing")]))
        #expect(try !exist([7: worker("a"), 8: ["sh", "-c", "worker"], 9: []]))
        #expect(try !exist([8: ["/bin/oobleck", "agent", "--token-file", files + "a"]]))
        #expect(try !exist([8: ["/bin/oobleck-worker", "worker", "--token-file"]]))
        #expect(!RunNeighbours(token: token, processes: "/nowhere").exist())
    }
}
