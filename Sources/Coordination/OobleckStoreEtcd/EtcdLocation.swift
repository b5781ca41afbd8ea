import Foundation
import OobleckCore

/// Where a run's coordination is kept: `etcd://HOST:PORT[,HOST:PORT...]/RUN`, or `etcds://...` over
/// TLS, with what gives access after a question mark.
package struct EtcdLocation: Hashable, Sendable, CustomStringConvertible {
    package var members: [HostPort]
    /// Names the run in the cluster.
    package var run: String
    package var access: EtcdAccess

    /// Reads a location; without a run's name it is `run`, and `access` is added to what it says.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line.
    package init(parsing text: String, run: String, access: EtcdAccess = EtcdAccess()) throws {
        let advice = "it must be etcd://HOST:PORT[,HOST:PORT...][/RUN], or etcds:// for TLS"
        let error = OobleckError(.usage, "--coordination is \"\(text)\"; \(advice)")
        let isSecure = text.hasPrefix("etcds://")
        guard isSecure || text.hasPrefix("etcd://"), let start = text.range(of: "://") else {
            throw error
        }
        let halves = text[start.upperBound...].split(
            separator: "?",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        let parts = halves[0].split(
            separator: "/",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard let hosts = parts.first, !hosts.isEmpty else { throw error }
        members = try hosts.split(separator: ",", omittingEmptySubsequences: false).map {
            try HostPort(parsing: $0, what: "a member of --coordination")
        }
        let name = parts.count > 1 ? String(parts[1]) : run
        guard !name.isEmpty, !name.contains("/") else { throw error }
        self.run = name
        self.access = try EtcdAccess(
            parsing: halves.count > 1 ? String(halves[1]) : "",
            isSecure: isSecure
        ).adding(access)
    }

    /// For people.
    package var description: String {
        "\(access.isSecure ? "etcds" : "etcd")://"
            + "\(members.map(\.description).joined(separator: ","))/\(run)"
    }

    /// For other processes of the run: with the names of the files that give access, and none of
    /// what is in them.
    package var text: String {
        let parameters = access.parameters
        return parameters.isEmpty ? description : "\(description)?\(parameters)"
    }

    func key(_ name: String) -> Data { Data("/oobleck/\(run)/\(name)".utf8) }
}
