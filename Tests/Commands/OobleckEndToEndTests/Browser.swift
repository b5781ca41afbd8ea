import Foundation
import OobleckTestSupport
import Testing

/// A headless Chromium that a test looks at a page with.
final class Browser {
    /// Whether there is one here.
    static let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium")

    private let process = Process()
    private let commands = Pipe()
    private let answers = Pipe()
    private var rest = Data()

    init() throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", Checkout.path + "/Tests/Python/browser.py"]
        process.standardInput = commands
        process.standardOutput = answers
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        // Ends with its input, and takes its browser along.
        try? commands.fileHandleForWriting.close()
        let end = Date(timeIntervalSinceNow: 20)
        while process.isRunning, Date() < end { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Opens a page.
    func open(_ address: String) throws { _ = try ask(["open": address]) }

    /// The size of its window, in pixels.
    func resize(_ width: Int, _ height: Int) throws { _ = try ask(["size": [width, height]]) }

    /// The text of a script's value.
    func text(_ script: String) throws -> String {
        try ask(["evaluate": "String(\(script))"]) as? String ?? ""
    }

    /// Waits until a script is true; returns false when that does not come in time.
    func waits(_ seconds: TimeInterval, until script: String) throws -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            if try ask(["evaluate": "Boolean(\(script))"]) as? Bool == true { return true }
            usleep(50_000)
        }
        return false
    }

    /// Clicks on what a selector finds.
    func click(_ selector: String) throws {
        let found = try text(
            "(e => { e?.click(); return e !== null })(document.querySelector('\(selector)'))"
        )
        try #require(found == "true", "nothing is \(selector)")
    }

    private func ask(_ command: [String: Any]) throws -> Any? {
        var line = try JSONSerialization.data(withJSONObject: command)
        line.append(UInt8(ascii: "\n"))
        try commands.fileHandleForWriting.write(contentsOf: line)
        while !rest.contains(UInt8(ascii: "\n")) {
            let piece = answers.fileHandleForReading.availableData
            try #require(!piece.isEmpty, "the browser ended")
            rest.append(piece)
        }
        let end = try #require(rest.firstIndex(of: UInt8(ascii: "\n")))
        let answer = try JSONSerialization.jsonObject(with: rest[rest.startIndex..<end])
        rest = Data(rest[rest.index(after: end)...])
        let fields = try #require(answer as? [String: Any])
        if let error = fields["error"] { Issue.record("the page: \(error)") }
        return fields["value"]
    }
}
