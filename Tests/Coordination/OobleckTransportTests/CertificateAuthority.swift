import Foundation
import Testing

/// Certificates made by openssl during a test, as an operator would make them.
final class CertificateAuthority {
    let folder: String

    var path: String { folder + "/ca.pem" }

    /// A new authority.
    init() throws {
        folder = NSTemporaryDirectory() + "oobleck-ca-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", folder + "/ca.key", "-out", path, "-days", "2", "-subj",
            "/CN=test authority",
            "-addext", "basicConstraints=critical,CA:TRUE",
        ])
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A certificate for a host, with its key: valid now, or until yesterday.
    func issue(
        _ name: String,
        host: String = "IP:127.0.0.1",
        hasExpired: Bool = false
    ) throws -> (certificate: String, key: String) {
        let (key, request) = ("\(folder)/\(name).key", "\(folder)/\(name).csr")
        let (certificate, extensions) = ("\(folder)/\(name).pem", "\(folder)/\(name).ext")
        try Self.openssl([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
            "-out", request, "-subj", "/CN=\(name)",
        ])
        try Data("subjectAltName=\(host)\n".utf8).write(to: URL(fileURLWithPath: extensions))
        // openssl 3.0 takes no dates from x509, but a number of days that is below zero.
        try Self.openssl([
            "x509", "-req", "-in", request, "-CA", path, "-CAkey", folder + "/ca.key",
            "-set_serial", "\(Int.random(in: 1...Int.max))", "-out", certificate, "-extfile",
            extensions, "-days", hasExpired ? "-1" : "2",
        ])
        return (certificate, key)
    }

    private static func openssl(_ arguments: [String]) throws {
        let (status, output) = try run(arguments)
        try #require(status == 0, "openssl \(arguments.joined(separator: " ")): \(output)")
    }

    /// Runs openssl; its exit status and all that it said.
    static func run(_ arguments: [String]) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }
}
