import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("Token file", .timeLimit(.minutes(5)))
struct TokenFileTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/token" }

    init() throws { folder = try TemporaryFolder() }

    private func newToken() -> RunToken {
        var generator = SystemRandomNumberGenerator()
        return RunToken(using: &generator)
    }

    @Test("a token is read back as written, and only its owner may read it")
    func writing() throws {
        let token = newToken()
        try TokenFile.write(token, to: path)
        #expect(try TokenFile.read(path).secret == token.secret)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try folder.names == ["token"])
    }

    @Test("a token that others may read is refused", arguments: [0o640, 0o604, 0o620, 0o666])
    func openToOthers(permissions: Int) throws {
        try TokenFile.write(newToken(), to: path)
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
        let error = #expect(throws: OobleckError.self) { try TokenFile.read(path) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("chmod 600") == true)
    }

    @Test(
        "a token of another user may be shared with our group, as Kubernetes mounts secrets",
        .enabled(if: geteuid() == 0, "needs root, to give a file away"),
        arguments: [(0o440, true), (0o400, true), (0o444, false), (0o404, false)]
    )
    func anotherUsers(permissions: Int, isAccepted: Bool) throws {
        try TokenFile.write(newToken(), to: path)
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
        try #require(chown(path, 65534, 0) == 0)
        do {
            _ = try TokenFile.read(path)
            #expect(isAccepted)
        } catch let error as OobleckError {
            #expect(!isAccepted && error.message.contains("chmod 600"))
        }
    }

    @Test("what is no token is one line that names the file and shows nothing of it")
    func damaged() throws {
        let contents = ["", "no token", String(repeating: "x", count: 100_000)]
        for content in contents {
            try Data(content.utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            let error = #expect(throws: OobleckError.self) { try TokenFile.read(path) }
            #expect(error?.message.contains(path) == true)
            #expect(content.isEmpty || error?.message.contains(content) == false)
        }
        let missing = #expect(throws: OobleckError.self) { try TokenFile.read(path + "x") }
        #expect(missing?.message.contains("cannot open") == true)
    }
}
