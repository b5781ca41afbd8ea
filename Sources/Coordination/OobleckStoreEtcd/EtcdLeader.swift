import Foundation
import OobleckCoordination
import OobleckCore

/// What agents, workers and standbys read of the leading coordinator.
package struct EtcdLeader: Hashable, Sendable, Codable {
    package var host: String
    package var port: Int
    /// Tells one process from another.
    package var id: String

    package init(host: String, port: Int, id: String) {
        self.host = host
        self.port = port
        self.id = id
    }

    /// The coordinator that leads the run now.
    ///
    /// Throws one line when there is none: ``OobleckError/Code/usage`` when the run is over, so that
    /// none will come, otherwise ``OobleckError/Code/outOfNodes``.
    package static func current(_ location: EtcdLocation) async throws -> EtcdLeader {
        let client = try EtcdClient(location)
        defer { client.close() }
        guard let value = try await client.read(FencedLead.leaderName) else {
            if let outcome = try await client.outcome() {
                let code: OobleckError.Code = outcome.isStopped ? .outOfNodes : .usage
                throw OobleckError(code, "the run at \(location) is over: \(outcome.text)")
            }
            throw OobleckError(.outOfNodes, "no coordinator leads \(location) now")
        }
        return try SharedCoding.value(EtcdLeader.self, from: value)
    }
}
