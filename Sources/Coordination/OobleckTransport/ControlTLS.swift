import Foundation
import GRPCNIOTransportHTTP2
import NIOSSL
import OobleckCore
import OobleckData

/// Mutual TLS for control messages: each side shows a certificate of one authority.
///
/// One certificate serves a process in both roles. The files are PEM.
package struct ControlTLS: Hashable, Sendable {
    package let certificatePath: String
    package let keyPath: String
    package let authorityPath: String

    /// The most bytes of a file; a bundle with all public authorities has a quarter of it.
    private static let largestFile = 1 << 20

    /// Reads the files once, so that a mistake is known before anything is started.
    ///
    /// Throws `.inputData` with one line.
    package init(certificatePath: String, keyPath: String, authorityPath: String) throws {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.authorityPath = authorityPath
        let certificates = try Self.reading(certificatePath, "--tls-cert") {
            try NIOSSLCertificate.fromPEMBytes($0)
        }
        let authorities = try Self.reading(authorityPath, "--tls-ca") {
            try NIOSSLCertificate.fromPEMBytes($0)
        }
        guard let own = certificates.first, !authorities.isEmpty else {
            let path = certificates.isEmpty ? certificatePath : authorityPath
            throw OobleckError(.inputData, "\(path) holds no certificate in PEM")
        }
        let key = try Self.reading(keyPath, "--tls-key") {
            try NIOSSLPrivateKey(bytes: $0, format: .pem)
        }
        var trial = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(own)],
            privateKey: .privateKey(key)
        )
        trial.trustRoots = .certificates(authorities)
        do {
            _ = try NIOSSLContext(configuration: trial)
        } catch {
            throw OobleckError(
                .inputData,
                "the key in \(keyPath) does not belong to the certificate in \(certificatePath)"
            )
        }
        try Self.checkTime(own, certificatePath)
    }

    /// From the three options, of which all are given or none.
    ///
    /// Throws `.usage` when some are missing.
    package init?(certificatePath: String?, keyPath: String?, authorityPath: String?) throws {
        let options = [
            ("--tls-cert", certificatePath), ("--tls-key", keyPath), ("--tls-ca", authorityPath),
        ]
        if let certificatePath, let keyPath, let authorityPath {
            try self.init(
                certificatePath: certificatePath,
                keyPath: keyPath,
                authorityPath: authorityPath
            )
            return
        }
        let missing = options.filter { $0.1 == nil }.map(\.0)
        guard missing.count == options.count else {
            throw OobleckError(
                .usage,
                "\(missing.joined(separator: " and ")) is missing; TLS needs all of --tls-cert, "
                    + "--tls-key and --tls-ca"
            )
        }
        return nil
    }

    /// The options that hand these files to another program of ours.
    package var arguments: [String] {
        ["--tls-cert", certificatePath, "--tls-key", keyPath, "--tls-ca", authorityPath]
    }

    var server: HTTP2ServerTransport.Posix.TransportSecurity {
        .mTLS(
            certificateChain: [.file(path: certificatePath, format: .pem)],
            privateKey: .file(path: keyPath, format: .pem)
        ) {
            $0.trustRoots = .certificates([.file(path: authorityPath, format: .pem)])
            $0.requireALPN = true
        }
    }

    var client: HTTP2ClientTransport.Posix.TransportSecurity {
        .mTLS(
            certificateChain: [.file(path: certificatePath, format: .pem)],
            privateKey: .file(path: keyPath, format: .pem)
        ) {
            $0.trustRoots = .certificates([.file(path: authorityPath, format: .pem)])
        }
    }

    private static func reading<Value>(
        _ path: String,
        _ option: String,
        _ body: ([UInt8]) throws -> Value
    ) throws -> Value {
        let bytes: [UInt8]
        do {
            bytes = try InputFile.bytes(path, atMost: largestFile)
        } catch let error as OobleckError {
            throw OobleckError(error.code, "\(option) cannot be read: \(error.message)")
        }
        do {
            return try body(bytes)
        } catch {
            throw OobleckError(.inputData, "\(option) \(path) holds no PEM")
        }
    }

    private static func checkTime(_ certificate: NIOSSLCertificate, _ path: String) throws {
        let now = time(nil)
        let (first, last) = (certificate.notValidBefore, certificate.notValidAfter)
        guard now >= time_t(first), now <= time_t(last) else {
            let format = ISO8601DateFormatter()
            let moment = Date(timeIntervalSince1970: TimeInterval(now < first ? first : last))
            throw OobleckError(
                .inputData,
                "the certificate in \(path) is \(now < first ? "not valid before" : "expired since") "
                    + format.string(from: moment)
            )
        }
    }
}
