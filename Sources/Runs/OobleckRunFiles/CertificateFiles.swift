import Foundation
import OobleckCore
import OobleckData

/// A certificate, its key and its authority in a folder for its owner alone; PEM.
package struct CertificateFiles: Hashable, Sendable {
    private let folder: String

    package var certificate: String { folder + "/node.pem" }
    package var key: String { folder + "/node.key" }
    package var authority: String { folder + "/ca.pem" }

    package var paths: [String] { [certificate, key, authority] }

    /// Whether all of them are there.
    package var exist: Bool { paths.allSatisfy(FileManager.default.fileExists(atPath:)) }

    /// The files in `folder`, which need not exist.
    package init(_ folder: String) { self.folder = folder }

    /// Writes them, readable for their owner alone from the first byte on.
    package func write(certificate: String, key: String, authority: String) throws {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw OobleckError(.storage, "cannot make the folder \(folder): \(systemReason())")
        }
        let texts = [(self.certificate, certificate), (self.key, key), (self.authority, authority)]
        for (path, text) in texts {
            try AtomicFile.write(Array(text.utf8), to: path, permissions: 0o600, durably: false)
        }
    }
}
