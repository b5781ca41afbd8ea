import Crypto
import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTransport
import SwiftASN1
import X509

/// The certificates of one launch: an authority of its own, whose key is never written anywhere, and a
/// certificate for the coordinator and for each host.
package struct RunCertificates: Sendable {
    /// How long they are valid, and by how much clocks may be late.
    private static let validity: TimeInterval = 400 * 24 * 3600
    private static let lateness: TimeInterval = 3600

    /// PEM.
    package let authority: String
    private let issuer: DistinguishedName
    private let issuerKey: Certificate.PrivateKey
    private let issuerID: SubjectKeyIdentifier
    private let start: Date

    /// A new authority.
    package init(now: Date = Date()) throws {
        start = now.addingTimeInterval(-Self.lateness)
        issuerKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
        issuer = try DistinguishedName { CommonName("oobleck run") }
        let identifier = SubjectKeyIdentifier(hash: issuerKey.publicKey)
        issuerID = identifier
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: issuerKey.publicKey,
            notValidBefore: start,
            notValidAfter: now.addingTimeInterval(Self.validity),
            issuer: issuer,
            subject: issuer,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true))
                identifier
            },
            issuerPrivateKey: issuerKey
        )
        authority = try certificate.serializeAsPEM().pemString
    }

    /// A certificate for whoever is reached at these addresses and names; none for a mere client.
    package func issue(name: String, reachedAt hosts: [String] = []) throws -> NodeCertificates {
        let key = P256.Signing.PrivateKey()
        let publicKey = Certificate.PrivateKey(key).publicKey
        let names = hosts.map(Self.alternativeName)
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: start,
            notValidAfter: start.addingTimeInterval(Self.validity),
            issuer: issuer,
            subject: try DistinguishedName { CommonName(String(name.prefix(60))) },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(keyIdentifier: issuerID.keyIdentifier)
                if !names.isEmpty { SubjectAlternativeNames(names) }
            },
            issuerPrivateKey: issuerKey
        )
        return NodeCertificates(
            certificate: try certificate.serializeAsPEM().pemString,
            key: key.pemRepresentation,
            authority: authority
        )
    }

    private static func alternativeName(_ host: String) -> GeneralName {
        var short = in_addr()
        if inet_pton(AF_INET, host, &short) == 1 {
            return .ipAddress(
                ASN1OctetString(contentBytes: withUnsafeBytes(of: short) { [UInt8]($0)[...] })
            )
        }
        var long = in6_addr()
        if inet_pton(AF_INET6, host, &long) == 1 {
            return .ipAddress(
                ASN1OctetString(contentBytes: withUnsafeBytes(of: long) { [UInt8]($0)[...] })
            )
        }
        return .dnsName(host)
    }
}

extension NodeCertificates {
    /// Leaves the files in a folder that only its owner can open.
    package func write(to folder: String) throws -> ControlTLS {
        let files = CertificateFiles(folder)
        try files.write(certificate: certificate, key: key, authority: authority)
        return try ControlTLS(files)
    }
}

extension ControlTLS {
    /// The files of a folder.
    package init(_ files: CertificateFiles) throws {
        try self.init(
            certificatePath: files.certificate,
            keyPath: files.key,
            authorityPath: files.authority
        )
    }
}
