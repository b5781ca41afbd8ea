import Foundation
import OobleckCoordination
import OobleckCore
import OobleckTransport
import Testing

@Suite(
    "Mutual TLS for control messages",
    .serialized,
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "needs openssl"),
    .timeLimit(.minutes(5))
)
struct TLSTests {
    private let authority: CertificateAuthority
    private let server: ControlTLS

    init() throws {
        authority = try CertificateAuthority()
        server = try Self.tls(authority.issue("server"), of: authority)
    }

    private static func tls(
        _ files: (certificate: String, key: String),
        of authority: CertificateAuthority
    ) throws -> ControlTLS {
        try ControlTLS(
            certificatePath: files.certificate,
            keyPath: files.key,
            authorityPath: authority.path
        )
    }

    @Test("agents, workers and people with certificates of the authority train a whole job")
    func wholeRun() async throws {
        let tls = try Self.tls(authority.issue("node"), of: authority)
        try await ShellBench.with(nodes: 2, steps: 5, tls: server) { bench in
            let admin = AdminClient(coordinator: bench.address, token: ShellBench.token, tls: tls)
            let status = try await admin.status()
            #expect(status.phase == .starting)
            try await bench.withAgents([0, 1], tls: tls) { _ in
                let workers = (0..<2).map { bench.startWorker(NodeID($0), tls: tls) }
                for worker in workers { try await worker.value }
                #expect(bench.recording.all.steps.map(\.step) == Array(0..<5))
            }
        }
    }

    @Test("TLS does not stand in for the token")
    func token() async throws {
        try await ShellBench.with(nodes: 2, tls: server) { bench in
            let admin = AdminClient(coordinator: bench.address, token: "wrong", tls: server)
            let error = await #expect(throws: OobleckError.self) { try await admin.status() }
            #expect(error?.message.contains("does not take this token") == true)
        }
    }

    @Test(
        "a client of another authority is refused at once in one line, and so is the server by it"
    )
    func otherAuthority() async throws {
        let stranger = try CertificateAuthority()
        let files = try stranger.issue("node")
        try await ShellBench.with(nodes: 2, tls: server) { bench in
            // Trusts only its own authority: refuses the server.
            let mistrusting = try Self.tls(files, of: stranger)
            try await expectRefusal(bench, mistrusting, "not one of our --tls-ca")
            // Trusts the server, which does not trust it.
            let trusting = try ControlTLS(
                certificatePath: files.certificate,
                keyPath: files.key,
                authorityPath: authority.path
            )
            try await expectRefusal(bench, trusting, "refuses our certificate")
        }
    }

    @Test("a server whose certificate is for another host is refused in one line")
    func otherHost() async throws {
        let other = try Self.tls(authority.issue("other", host: "DNS:example.org"), of: authority)
        try await ShellBench.with(nodes: 2, tls: other) { bench in
            try await expectRefusal(bench, server, "another host")
        }
    }

    @Test("the server refuses who has no certificate, or one that has expired")
    func openssl() async throws {
        let good = try authority.issue("good")
        let old = try authority.issue("old", hasExpired: true)
        try await ShellBench.with(nodes: 2, tls: server) { bench in
            let none: [String] = []
            let cases = [
                (none, "certificate required"), (arguments(old), "certificate expired"),
                (arguments(good), nil),
            ]
            for (files, complaint) in cases {
                let (_, said) = try CertificateAuthority.run(
                    [
                        "s_client", "-connect", bench.address.description, "-alpn", "h2",
                        "-CAfile", authority.path, "-verify_return_error",
                        // Who is refused is told so after the handshake: wait for it.
                    ] + files + (complaint == nil ? [] : ["-ign_eof"])
                )
                #expect(said.contains("Verify return code: 0 (ok)"), "\(said)")
                if let complaint {
                    #expect(said.contains(complaint), "\(said)")
                } else {
                    #expect(!said.contains("alert"), "\(said)")
                }
            }
        }
    }

    @Test("without TLS nobody speaks to a server that has it")
    func plaintext() async throws {
        try await ShellBench.with(nodes: 2, tls: server) { bench in
            let admin = AdminClient(coordinator: bench.address, token: ShellBench.token)
            await #expect(throws: OobleckError.self) { try await admin.status() }
            let secure = AdminClient(
                coordinator: bench.address,
                token: ShellBench.token,
                tls: server
            )
            let status = try await secure.status()
            #expect(status.phase == .starting)
        }
    }

    @Test("a server without TLS is told from one with it, in one line")
    func plaintextServer() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            try await expectRefusal(bench, server, "does not speak TLS")
        }
    }

    @Test("files that are no good are one line that names them, before anything starts")
    func files() throws {
        let good = try authority.issue("good")
        let other = try authority.issue("another")
        let old = try authority.issue("old", hasExpired: true)
        let cases = [
            (good.certificate + "x", good.key, authority.path, "cannot be read"),
            (good.key, good.key, authority.path, "no"),
            (good.certificate, good.certificate, authority.path, "no PEM"),
            (good.certificate, other.key, authority.path, "does not belong to"),
            (good.certificate, good.key, good.key, "no"),
            (old.certificate, old.key, authority.path, "expired"),
        ]
        for (certificate, key, root, words) in cases {
            let error = #expect(throws: OobleckError.self) {
                try ControlTLS(certificatePath: certificate, keyPath: key, authorityPath: root)
            }
            #expect(error?.code == .inputData)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
        let missing = #expect(throws: OobleckError.self) {
            try ControlTLS(certificatePath: good.certificate, keyPath: nil, authorityPath: nil)
        }
        #expect(missing?.message.contains("--tls-key and --tls-ca is missing") == true)
        #expect(try ControlTLS(certificatePath: nil, keyPath: nil, authorityPath: nil) == nil)
    }

    private func arguments(_ files: (certificate: String, key: String)) -> [String] {
        ["-cert", files.certificate, "-key", files.key]
    }

    /// Both a request and a session end with one line, long before their patience does.
    private func expectRefusal(
        _ bench: ShellBench,
        _ tls: ControlTLS,
        _ words: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let admin = AdminClient(coordinator: bench.address, token: ShellBench.token, tls: tls)
        let worker = WorkerClient(
            coordinator: CoordinatorLocator(bench.address),
            token: ShellBench.token,
            tls: tls,
            worker: 0
        )
        let attempts: [() async throws -> Void] = [
            { _ = try await admin.status() }, { try await worker.run { _ in } },
        ]
        for attempt in attempts {
            let error = await #expect(throws: OobleckError.self, sourceLocation: sourceLocation) {
                try await attempt()
            }
            let message = error?.message ?? ""
            #expect(message.contains(words), "\(message)", sourceLocation: sourceLocation)
            #expect(!message.contains("\n"), sourceLocation: sourceLocation)
        }
    }
}
