import Foundation
import OobleckCore

/// An authority, and a certificate of it for loopback, made by openssl for one test.
package final class EtcdCertificates {
    package static let isAvailable = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/openssl"
    )

    package let folder: String
    package var authority: String { folder + "/ca.pem" }
    package var certificate: String { folder + "/node.pem" }
    package var key: String { folder + "/node.key" }

    package init() throws {
        folder = NSTemporaryDirectory() + "oobleck-etcd-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try "subjectAltName=IP:127.0.0.1,IP:::1\n"
            .write(toFile: folder + "/ext", atomically: true, encoding: .utf8)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try openssl(
            ["req", "-x509"] + key + [
                "-keyout", folder + "/ca.key", "-out", authority, "-days", "2", "-subj",
                "/CN=test authority", "-addext", "basicConstraints=critical,CA:TRUE",
            ]
        )
        try openssl(
            ["req"] + key + [
                "-keyout", self.key, "-out", folder + "/node.csr", "-subj", "/CN=node",
            ]
        )
        try openssl([
            "x509", "-req", "-in", folder + "/node.csr", "-CA", authority, "-CAkey",
            folder + "/ca.key", "-set_serial", "1", "-out", certificate, "-extfile",
            folder + "/ext", "-days", "2",
        ])
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            // The folder is in the system's own place for what may go.
        }
    }

    private func openssl(_ arguments: [String]) throws {
        let status = try EtcdCluster.run("/usr/bin/openssl", arguments).status
        guard status == 0 else {
            throw OobleckError(.internalFault, "openssl ended with status \(status)")
        }
    }
}
