import GRPCCore
import OobleckCore
import OobleckWire
import SwiftProtobuf

/// What people ask of a running coordinator.
package struct AdminClient: Sendable {
    let address: CoordinatorAddress
    let token: RunToken
    let tls: ControlTLS?

    package init(coordinator: CoordinatorAddress, token: RunToken, tls: ControlTLS? = nil) {
        address = coordinator
        self.token = token
        self.tls = tls
    }

    /// Has a node leave at the next step boundary, and returns one line on it.
    package func drain(_ node: NodeID) async throws -> String {
        let request = WireDrainRequest.with { $0.node = Int64(node.rawValue) }
        return try await address.withClient(token: token, tls: tls) { client in
            try await WireControlPlane.Client(wrapping: client)
                .drain(request, options: .request).message
        }
    }

    /// Has one more local node join, and returns one line on it.
    package func addNode() async throws -> String {
        let request = WireAddNodeRequest()
        return try await address.withClient(token: token, tls: tls) { client in
            try await WireControlPlane.Client(wrapping: client)
                .addNode(request, options: .request).message
        }
    }

    /// Ends the run, and returns one line on it.
    package func stop(reason: String) async throws -> String {
        let request = WireStopRequest.with { $0.reason = reason }
        return try await address.withClient(token: token, tls: tls) { client in
            try await WireControlPlane.Client(wrapping: client)
                .stop(request, options: .request).message
        }
    }

    /// The run as of now.
    package func status() async throws -> RunStatus {
        let request = WireStatusRequest()
        return try await address.withClient(token: token, tls: tls) { client in
            let reply = try await WireControlPlane.Client(wrapping: client)
                .requestStatus(request, options: .request)
            return try decoded(reply.status, "StatusReply")
        }
    }
}
