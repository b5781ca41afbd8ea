import Dispatch
import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Synchronization
import Testing

@testable import OobleckDashboard

@Suite("What a dashboard answers over HTTP", .timeLimit(.minutes(5)))
struct ServerTests {
    private let folder: TemporaryFolder
    private static let token: RunToken = "0123456789abcdef"

    init() throws {
        folder = try TemporaryFolder()
        _ = try MadeUpRun.directory(in: folder, "first")
        _ = try folder.write("first/logs/node-0.log", "hello\n")
    }

    private struct Answer: Sendable {
        var status: Int
        var head: String
        var body: String
    }

    /// What curl says to an answer of the server at `port`.
    ///
    /// It is waited for on a thread of its own: the server needs those of the tasks.
    private static func ask(
        _ port: Int,
        _ path: String,
        _ arguments: [String] = []
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try waitedFor(port, path, arguments) })
            }
        }
    }

    private static func waitedFor(
        _ port: Int,
        _ path: String,
        _ arguments: [String]
    ) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments =
            ["--silent", "--include", "--path-as-is", "--max-time", "20"] + arguments
            + ["http://127.0.0.1:\(port)\(path)"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(
            decoding: try output.fileHandleForReading.readToEnd() ?? Data(),
            as: UTF8.self
        )
        process.waitUntilExit()
        let parts = text.components(separatedBy: "\r\n\r\n")
        let status = parts[0].split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return Answer(
            status: status ?? 0,
            head: parts[0],
            body: parts.dropFirst().joined(separator: "\r\n\r\n")
        )
    }

    private static let shown = ["-H", "Authorization: Bearer 0123456789abcdef"]

    private func serve(
        _ actor: DashboardActor?,
        _ body: @escaping @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        let server = try DashboardServer(
            HostPort(host: "127.0.0.1", port: 0),
            option: "--listen",
            token: Self.token,
            shelf: RunShelf(path: folder.path),
            actor: actor
        )
        try await server.serving { link in
            let port = try #require(link.split(separator: ":").last?.prefix { $0 != "/" })
            try await body(try #require(Int(port)))
        }
    }

    @Test("without the token there is nothing but the empty page, and each answer has the policy")
    func token() async throws {
        try await serve(nil) { port in
            let page = try await Self.ask(port, "/")
            #expect(page.status == 200 && page.head.contains("script-src 'self'"))
            #expect(!page.body.contains("first"))
            let paths = [
                "/api/runs", "/api/runs/first/stream", "/api/runs/first/events", "/api/none",
            ]
            for path in paths + ["/api/runs/first/logs", "/api/runs/first/logs/node-0"] {
                for claim in [
                    [], ["-H", "Authorization: Bearer 0123456789abcdee"],
                    ["-H", "Authorization: 0123456789abcdef"],
                ] {
                    let answer = try await Self.ask(port, path, claim)
                    #expect(answer.status == 401, "\(path) \(claim)")
                    #expect(!answer.body.contains("hello") && !answer.body.contains("first"))
                    #expect(answer.head.contains("Content-Security-Policy: default-src 'none'"))
                }
            }
            // However a path is written.
            let written = [
                "//api/runs", "/api//runs", "/%61pi/runs", "/./api/runs", "/index.html/../api/runs",
            ]
            for path in written + ["/api/runs/", "/none", "//", "/main.js/"] {
                let answer = try await Self.ask(port, path)
                #expect(answer.status == 401 && !answer.body.contains("first"), "\(path)")
            }
            let stop = try await Self.ask(port, "/api/runs/first/stop", ["-X", "POST"])
            #expect(stop.status == 401)
        }
    }

    @Test("with the token, runs, events and logs; paths that lead elsewhere are not there")
    func data() async throws {
        try await serve(nil) { port in
            #expect(
                try await Self.ask(port, "/api/runs", Self.shown).body.contains(
                    "\"name\":\"first\""
                )
            )
            let log = try await Self.ask(port, "/api/runs/first/logs/node-0", Self.shown)
            #expect(log.body.contains("\"text\":\"hello\\n\""))
            let events = try await Self.ask(
                port,
                "/api/runs/first/events?kinds=node-lost",
                Self.shown
            )
            #expect(events.body.contains("\"matching\":1"))
            for path in [
                "/api/runs/..%2ffirst/events", "/api/runs/%2e%2e/logs",
                "/api/runs/first/logs/..%2f..%2fjob",
                "/api/runs/first/logs/../../job.json", "/../../etc/passwd", "/first/job.json",
                "/none",
            ] {
                let answer = try await Self.ask(port, path, Self.shown)
                #expect(answer.status == 404, "\(path): \(answer.status) \(answer.body)")
            }
        }
    }

    @Test("another name for this machine, or a page of a stranger, gets nothing")
    func strangers() async throws {
        let asked = Mutex<[DashboardAction]>([])
        let actor: DashboardActor = { action, _ in
            asked.withLock { $0.append(action) }
            return "done"
        }
        try await serve(actor) { port in
            let rebound = try await Self.ask(
                port,
                "/api/runs",
                Self.shown + ["-H", "Host: evil.example:\(port)"]
            )
            #expect(rebound.status == 421)
            let path = "/api/runs/first/drain"
            let wish = ["-X", "POST", "-d", "{\"node\": 3}"] + Self.shown
            #expect(try await Self.ask(port, path, wish).status == 403)
            let foreign = wish + ["-H", "Origin: http://127.0.0.1:1"]
            #expect(try await Self.ask(port, path, foreign).status == 403)
            #expect(asked.withLock { $0.isEmpty })
            let own = ["-H", "Origin: http://127.0.0.1:\(port)"]
            let done = try await Self.ask(port, path, wish + own)
            #expect(done.status == 200 && done.body == "{\"message\":\"done\"}", "\(done)")
            let wrong = ["-X", "POST", "-d", "{\"node\": \"x\"}"] + Self.shown + own
            #expect(try await Self.ask(port, path, wrong).status == 400)
            #expect(try await Self.ask(port, "/api/runs/first/burn", wrong).status == 404)
            let long = ["-X", "POST", "-d", String(repeating: " ", count: 5000)] + Self.shown + own
            #expect(try await Self.ask(port, path, long).status >= 400)
            #expect(asked.withLock { $0 } == [.drain(3)])
        }
    }

    @Test("a read-only dashboard changes nothing")
    func readOnly() async throws {
        try await serve(nil) { port in
            let list = try await Self.ask(port, "/api/runs", Self.shown)
            #expect(list.body.contains("\"is_read_only\":true"))
            let own = ["-X", "POST", "-H", "Origin: http://127.0.0.1:\(port)"] + Self.shown
            for action in ["drain", "add", "stop"] {
                let refused = try await Self.ask(port, "/api/runs/first/\(action)", own)
                #expect(refused.status == 403)
            }
        }
    }

    @Test(
        "addresses that other machines reach are refused",
        arguments: ["0.0.0.0", "10.0.0.7", "::", "head"]
    )
    func loopback(host: String) throws {
        #expect(throws: OobleckError.self) {
            try DashboardServer(
                HostPort(host: host, port: 80),
                option: "--listen",
                token: Self.token,
                shelf: RunShelf(path: folder.path),
                actor: nil
            )
        }
        #expect(
            !RequestGuard.isLoopback(host) && !RequestGuard.isLoopback("127.0.0.1.evil.example")
        )
        #expect(RequestGuard.isLoopback("127.0.0.1") && RequestGuard.isLoopback("::1"))
        #expect(
            RequestGuard.host(of: "[::1]:80") == "::1" && RequestGuard.host(of: "a.b:1") == "a.b"
        )
    }
}
