import Foundation
import OobleckCore
import OobleckData

/// What gives access to an etcd cluster: certificates, and a user whose password is in a file.
///
/// Holds names of files only, so that it can stand in arguments and in a run's directory.
package struct EtcdAccess: Hashable, Sendable {
    /// Whether the members are spoken to over TLS.
    package var isSecure = false
    /// The authority (PEM) of the members' certificates; `nil` is the system's.
    package var authorityPath: String?
    /// Our certificate and its key (PEM), where the members ask for one.
    package var certificatePath: String?
    package var keyPath: String?
    package var user: String?
    /// A file of mode 0600 that holds the user's password.
    package var passwordPath: String?

    /// The most that a password's file may hold.
    private static let longestPassword = 4096

    /// Plain text without a user.
    package init() {}

    /// From the options of a command, of which those that belong together are all given.
    ///
    /// Throws `.usage` with one line.
    package init(
        authorityPath: String?,
        certificatePath: String?,
        keyPath: String?,
        user: String?,
        passwordPath: String?
    ) throws {
        func absolute(_ path: String?) -> String? {
            path.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        }
        self.authorityPath = absolute(authorityPath)
        self.certificatePath = absolute(certificatePath)
        self.keyPath = absolute(keyPath)
        self.user = user
        self.passwordPath = absolute(passwordPath)
        isSecure = authorityPath != nil || certificatePath != nil || keyPath != nil
        try check()
    }

    private func check() throws {
        guard (certificatePath == nil) == (keyPath == nil) else {
            throw OobleckError(.usage, "--etcd-cert and --etcd-key go together; name both")
        }
        guard (user == nil) == (passwordPath == nil) else {
            throw OobleckError(
                .usage,
                "--etcd-user and --etcd-password-file go together; name both"
            )
        }
        if let user, user.isEmpty { throw OobleckError(.usage, "--etcd-user is empty") }
    }

    // MARK: In a location

    private static var fields: [(name: String, path: WritableKeyPath<EtcdAccess, String?>)] {
        [
            ("ca", \.authorityPath), ("cert", \.certificatePath), ("key", \.keyPath),
            ("user", \.user), ("password-file", \.passwordPath),
        ]
    }

    /// Reads what follows the question mark of a location.
    init(parsing text: String, isSecure: Bool) throws {
        self.isSecure = isSecure
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = String(parts[1]).removingPercentEncoding,
                let field = Self.fields.first(where: { $0.name == parts[0] })
            else {
                let names = Self.fields.map(\.name).joined(separator: ", ")
                throw OobleckError(
                    .usage,
                    "--coordination has \"\(pair)\"; it may have \(names), each with a value"
                )
            }
            self[keyPath: field.path] = value
            if parts[0] == "ca" || parts[0] == "cert" { self.isSecure = true }
        }
        try check()
    }

    /// This, with what the other says besides.
    func adding(_ other: EtcdAccess) -> EtcdAccess {
        var sum = self
        sum.isSecure = isSecure || other.isSecure
        for (_, path) in Self.fields {
            sum[keyPath: path] = other[keyPath: path] ?? self[keyPath: path]
        }
        return sum
    }

    var parameters: String {
        let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "/._-"))
        return Self.fields.compactMap { name, path in
            self[keyPath: path]?.addingPercentEncoding(withAllowedCharacters: plain)
                .map { "\(name)=\($0)" }
        }.joined(separator: "&")
    }

    // MARK: Files

    /// Checks the files, so that a mistake is known before anything is started.
    ///
    /// Throws `.inputData` with one line.
    package func requireFiles() throws {
        let files = [
            ("--etcd-ca", authorityPath), ("--etcd-cert", certificatePath), ("--etcd-key", keyPath),
        ]
        for case (let option, let path?) in files {
            let text = try InputFile.bytes(path, atMost: 1 << 20)
            guard String(decoding: text, as: UTF8.self).contains("-----BEGIN ") else {
                throw OobleckError(.inputData, "\(option) \(path) holds no PEM")
            }
        }
        _ = try password()
    }

    /// The user's password; `nil` without a user.
    ///
    /// Throws `.inputData` with one line, without the password, when its file is missing, open to
    /// others or empty.
    func password() throws -> String? {
        guard let passwordPath else { return nil }
        let file = try OpenFile(passwordPath, for: .readInput)
        guard try file.permissions() & 0o077 == 0 else {
            throw OobleckError(
                .inputData,
                "\(passwordPath) is open to others than its owner: chmod 600 it"
            )
        }
        let size = try file.size()
        guard size <= Self.longestPassword else {
            throw OobleckError(
                .inputData,
                "\(passwordPath) has \(size) bytes; it holds no password"
            )
        }
        let text = String(decoding: try file.read(at: 0, count: size), as: UTF8.self)
        let password = text.trimmingCharacters(in: .newlines)
        guard !password.isEmpty else { throw OobleckError(.inputData, "\(passwordPath) is empty") }
        return password
    }
}
