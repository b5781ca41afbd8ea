import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct RunDirectoryTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func create(_ name: String = "run") throws -> RunDirectory {
        let path = folder.path + "/" + name
        return try RunDirectory.create(path: path, job: RunFixture.job(), configText: "a: b\n")
    }

    @Test("a new run has its configuration, its job and its folders")
    func creation() throws {
        let directory = try create("a/b/run")
        #expect(try directory.job() == RunFixture.job())
        #expect(try String(contentsOfFile: directory.configPath, encoding: .utf8) == "a: b\n")
        for path in [directory.checkpointsPath, directory.logsPath] {
            var isFolder: ObjCBool = false
            #expect(FileManager.default.fileExists(atPath: path, isDirectory: &isFolder))
            #expect(isFolder.boolValue)
        }
    }

    @Test("a directory in use is refused and its owner named, and is free with its run's end")
    func exclusion() throws {
        var directory: RunDirectory? = try create()
        let path = folder.path + "/run"
        #expect(try RunDirectory.open(path: path).isRunning)
        let error = #expect(throws: OobleckError.self) { try create() }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("in use by another run (pid \(getpid()))") == true)
        #expect(directory != nil)
        directory = nil
        #expect(try !RunDirectory.open(path: path).isRunning)
    }

    @Test("a directory that holds an earlier run or anything else is refused and left alone")
    func occupied() throws {
        do { _ = try create() }
        let earlier = #expect(throws: OobleckError.self) { try create() }
        #expect(earlier?.code == .usage)
        #expect(earlier?.message.contains("earlier run") == true)
        _ = try folder.write("other/precious.txt", "text")
        let other = #expect(throws: OobleckError.self) { try create("other") }
        #expect(other?.code == .usage)
        #expect(other?.message.contains("precious.txt") == true)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/other")
                == ["precious.txt"]
        )
    }

    @Test("what cannot be a run directory is told as such, and nothing is made")
    func unusable() throws {
        let file = try folder.write("file", "text")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link",
            withDestinationPath: "/nowhere/at/all"
        )
        let long = String(repeating: "x", count: 256)
        let deep = Array(repeating: String(repeating: "y", count: 200), count: 20)
        let cases: [(String, String, OobleckError.Code)] = [
            ("file", "\(file) is a file", .storage), ("file/run", "\(file) is a file", .storage),
            ("link", "/link is a link to something that does not exist", .usage),
            (long, "a name of 256 bytes, and 255 are the most", .usage),
            (deep.joined(separator: "/"), "too long", .usage),
        ]
        for (name, words, code) in cases {
            let error = #expect(throws: OobleckError.self) { try create(name) }
            #expect(error?.code == code)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
        #expect(try folder.names == ["file", "link"])
    }

    @Test("Foundation's errors are told in the system's words")
    func reasons() throws {
        let missing = URL(fileURLWithPath: folder.path + "/missing/file")
        let calls: [(String, () throws -> Void)] = [
            ("No such file or directory", { try Data([1]).write(to: missing) }),
            ("No such file or directory", { _ = try Data(contentsOf: missing) }),
            (
                "No such file or directory",
                { try FileManager.default.removeItem(at: missing) }
            ),
            (
                "Not a directory",
                {
                    let file = try folder.write("file", "text")
                    _ = try FileManager.default.contentsOfDirectory(atPath: file)
                }
            ),
            (
                "File exists",
                {
                    let file = try folder.write("file", "text")
                    try FileManager.default.createDirectory(
                        atPath: file,
                        withIntermediateDirectories: false
                    )
                }
            ),
        ]
        for (words, call) in calls {
            let error = #expect(throws: (any Error).self) { try call() }
            #expect(error.map { fileReason($0) } == words)
        }
    }

    @Test("an empty directory is good enough")
    func empty() throws {
        let path = folder.path + "/run"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(try create().isRunning)
    }

    @Test("a place that cannot hold a directory is a storage error that names it")
    func impossible() throws {
        let file = try folder.write("file", "x")
        for path in [file + "/run", file] {
            let error = #expect(throws: OobleckError.self) {
                try RunDirectory.create(path: path, job: RunFixture.job(), configText: "")
            }
            #expect(error?.code == .storage)
            #expect(error?.message.contains(file) == true)
        }
        #expect(try folder.names == ["file"])
    }

    @Test("what is no run is not opened as one")
    func opening() throws {
        let error = #expect(throws: OobleckError.self) { try RunDirectory.open(path: folder.path) }
        #expect(error?.code == .inputData)
    }

    @Test("the coordinator's endpoint and the token are for the owner only, and go with the run")
    func endpoint() throws {
        let directory = try create()
        let endpoint = CoordinatorEndpoint(host: "127.0.0.1", port: 7, pid: 42)
        try directory.write(endpoint)
        #expect(try directory.endpoint() == endpoint)
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.endpointPath)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        var generator = SystemRandomNumberGenerator()
        let token = RunToken(using: &generator)
        try directory.write(token)
        #expect(try directory.token().secret == token.secret)
        try directory.removeEndpoint()
        try directory.removeEndpoint()
        #expect(throws: OobleckError.self) { try directory.endpoint() }
        #expect(throws: OobleckError.self) { try directory.token() }
    }

    @Test("status, plan, profile and result are read back as written, and leave no parts behind")
    func documents() throws {
        let directory = try create()
        let status = RunStatus(
            phase: .training,
            step: 3,
            steps: 5,
            generation: 1,
            loss: 4.25,
            stepTime: 0.5,
            tokensPerSecond: nil,
            idleShare: nil,
            pipelines: 2,
            nodes: [NodeStatus(id: 2, state: .healthy, agentPID: 9)]
        )
        try directory.write(status)
        try directory.write(status)
        #expect(try directory.status() == status)
        let result = RunFixture.result(state: "ab")
        try directory.write(result)
        #expect(try directory.result() == result)
        let json = try String(contentsOfFile: directory.statusPath, encoding: .utf8)
        #expect(json.contains("\"agent_pid\" : 9"))
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(
            names == [
                "checkpoints", "config.yaml", "job.json", "lock", "logs", "result.json",
                "status.json",
            ]
        )
    }
}
