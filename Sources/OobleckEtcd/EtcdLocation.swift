import Foundation
import OobleckCore

/// Where a run's coordination is kept: `etcd://HOST:PORT[,HOST:PORT...]/RUN`.
package struct EtcdLocation: Hashable, Sendable, CustomStringConvertible {
    package struct Member: Hashable, Sendable, CustomStringConvertible {
        package var host: String
        package var port: Int
        package var description: String { "\(host):\(port)" }
    }

    package var members: [Member]
    /// Names the run in the cluster.
    package var run: String

    /// Reads a location; without a run's name it is `run`.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line.
    package init(parsing text: String, run: String) throws {
        let advice = "it must be etcd://HOST:PORT[,HOST:PORT...][/RUN]"
        let error = OobleckError(.usage, "--coordination is \"\(text)\"; \(advice)")
        let scheme = "etcd://"
        guard text.hasPrefix(scheme) else { throw error }
        let parts = text.dropFirst(scheme.count).split(
            separator: "/",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard let hosts = parts.first else { throw error }
        members = try hosts.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let pair = part.split(separator: ":", omittingEmptySubsequences: false)
            guard pair.count == 2, !pair[0].isEmpty, let port = Int(pair[1]), 1...65535 ~= port
            else { throw error }
            return Member(host: String(pair[0]), port: port)
        }
        let name = parts.count > 1 ? String(parts[1]) : run
        guard !name.isEmpty, !name.contains("/") else { throw error }
        self.run = name
    }

    package var description: String {
        "etcd://\(members.map(\.description).joined(separator: ","))/\(run)"
    }

    func key(_ name: String) -> Data { Data("/oobleck/\(run)/\(name)".utf8) }
}
