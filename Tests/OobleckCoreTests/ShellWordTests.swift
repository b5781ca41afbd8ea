import Foundation
import OobleckCore
import Testing

@Suite struct ShellWordTests {
    @Test(
        "a shell reads the word as it was",
        arguments: [
            "", "runs/a-1", "a b", "it's", "$(id)", "*?[a]~", "a\nb", "\\\"`&;|<>", "~", "ä", "#x",
        ]
    )
    func words(text: String) throws {
        let shell = Process()
        let output = Pipe()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "printf %s \(text.shellWord)"]
        shell.standardOutput = output
        try shell.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        shell.waitUntilExit()
        #expect(String(decoding: data, as: UTF8.self) == text)
    }

    @Test("a word that needs no quotes has none")
    func plain() { #expect("runs/tiny-20261126".shellWord == "runs/tiny-20261126") }
}
