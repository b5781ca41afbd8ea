import Foundation
import OobleckCore

/// An authority and one certificate for this machine, made by openssl for one run.
struct DrillCertificates: Sendable {
    private let folder: String

    private static let openssl = "/usr/bin/openssl"
    private static let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    /// Why they cannot be had here; nothing when they can.
    static var obstacle: String? {
        FileManager.default.isExecutableFile(atPath: openssl) ? nil : "there is no \(openssl)"
    }

    /// What a command of ours takes to use them.
    var arguments: [String] {
        [
            "--tls-cert", "\(folder)/node.pem", "--tls-key", "\(folder)/node.key",
            "--tls-ca", "\(folder)/ca.pem",
        ]
    }

    init(_ folder: String) async throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let extensions = "\(folder)/node.ext"
        try "subjectAltName=IP:127.0.0.1\n"
            .write(toFile: extensions, atomically: true, encoding: .utf8)
        try await run(
            ["req", "-x509"] + Self.key + [
                "-keyout", "\(folder)/ca.key", "-out", "\(folder)/ca.pem", "-days", "2", "-subj",
                "/CN=drill", "-addext", "basicConstraints=critical,CA:TRUE",
            ]
        )
        try await run(
            ["req"] + Self.key + [
                "-keyout", "\(folder)/node.key", "-out", "\(folder)/node.csr", "-subj", "/CN=node",
            ]
        )
        try await run([
            "x509", "-req", "-in", "\(folder)/node.csr", "-CA", "\(folder)/ca.pem", "-CAkey",
            "\(folder)/ca.key", "-set_serial", "1", "-out", "\(folder)/node.pem", "-extfile",
            extensions, "-days", "2",
        ])
    }

    private func run(_ arguments: [String]) async throws {
        let outcome = try await CommandOutcome.of([Self.openssl] + arguments)
        guard outcome.status == 0 else {
            throw OobleckError(.internalFault, "openssl fails: \(outcome.lastLine)")
        }
    }
}
