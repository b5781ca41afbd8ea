import Foundation
import OobleckCore
import OobleckLaunch
import OobleckRunFiles
import OobleckTestSupport
import OobleckTransport
import Testing

@Suite("The certificates of a launched run", .timeLimit(.minutes(5)))
struct CertificateTests {
    @Test(
        "each key fits its certificate, and only the owner can read the files",
        .timeLimit(.minutes(5))
    )
    func files() throws {
        let folder = try TemporaryFolder()
        let authority = try RunCertificates()
        let own = try authority.issue(name: "coordinator", reachedAt: ["10.0.0.1", "::1", "head"])
        // Reading them checks key, certificate and time.
        _ = try own.write(to: folder.path + "/tls")
        let files = CertificateFiles(folder.path + "/tls")
        for path in files.paths + [folder.path + "/tls"] {
            let permissions = try FileManager.default.attributesOfItem(atPath: path)[
                .posixPermissions
            ]
            #expect((permissions as? Int ?? 0o777) & 0o077 == 0, "\(path)")
        }
        #expect(files.exist)
        let other = try RunCertificates().issue(name: "other")
        let mixed = NodeCertificates(
            certificate: own.certificate,
            key: other.key,
            authority: own.authority
        )
        #expect(throws: OobleckError.self) { try mixed.write(to: folder.path + "/mixed") }
    }

    @Test("openssl accepts the chain, and the addresses", .timeLimit(.minutes(5)))
    func chain() throws {
        let openssl = "/usr/bin/openssl"
        guard FileManager.default.isExecutableFile(atPath: openssl) else { return }
        let folder = try TemporaryFolder()
        let own = try RunCertificates().issue(name: "c", reachedAt: ["10.0.0.1"])
        _ = try own.write(to: folder.path + "/tls")
        let files = CertificateFiles(folder.path + "/tls")
        func verify(_ address: String) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: openssl)
            process.arguments = [
                "verify", "-x509_strict", "-CAfile", files.authority, "-verify_ip", address,
                files.certificate,
            ]
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        #expect(try verify("10.0.0.1") == 0)
        #expect(try verify("10.0.0.2") != 0)
    }
}
