import Foundation
import OobleckCore
import OobleckData

/// A run's token on disk: a file that only its owner may read.
package enum TokenFile {
    private static let permissions: UInt32 = 0o600
    /// The most that a file may hold.
    private static let largest = 4096

    /// Writes a token, readable for its owner alone from the first byte on.
    package static func write(_ token: RunToken, to path: String) throws {
        try AtomicFile.write(
            Array((token.secret + "\n").utf8),
            to: path,
            permissions: permissions,
            durably: false
        )
    }

    /// Reads a token.
    ///
    /// Throws one line, without the token, when the file is missing, open to others, or holds
    /// something else.
    package static func read(_ path: String) throws -> RunToken {
        let file = try OpenFile(path, for: .readInput)
        // A file that another user's group shares with us is that user's decision: Kubernetes mounts
        // secrets so.
        let others = try file.permissions() & (file.isOurs() ? 0o077 : 0o007)
        guard others == 0 else {
            throw OobleckError(
                .inputData,
                "\(path) is open to others than its owner; whoever reads it may join the run: "
                    + "chmod 600 it, and start the run anew if somebody might have read it"
            )
        }
        let size = try file.size()
        guard size <= largest else {
            throw OobleckError(
                .inputData,
                "\(path) has \(counted(size, "byte")); it holds no token"
            )
        }
        let text = String(decoding: try file.read(at: 0, count: size), as: UTF8.self)
        do {
            return try RunToken(parsing: text.trimmingCharacters(in: .whitespacesAndNewlines))
        } catch let error as OobleckError {
            throw OobleckError(error.code, "\(path): \(error.message)")
        }
    }
}
