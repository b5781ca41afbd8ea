import Dispatch
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckClock
import OobleckCore
import OobleckWire
import Synchronization

/// Calls to an etcd cluster: to one member, and to the next when that one does not answer, for as
/// long as a cluster may take to elect a leader of its own.
///
/// Every call here may be made twice without harm, because writes are conditional or put the same
/// value again.
final class EtcdClient: Sendable {
    private typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

    /// How long one member may take to answer.
    private static let patience = Duration.seconds(1)
    /// How long all of them may.
    private static let longestElection: Seconds = 5

    let location: EtcdLocation
    private let clients: [Client]
    /// Owned here; end with ``close()``.
    private let connections: [Task<Void, Never>]
    /// The member that answered last.
    private let current = Mutex(0)

    init(_ location: EtcdLocation) throws {
        self.location = location
        clients = try location.members.map { member in
            let isNumeric = member.host.allSatisfy { $0.isNumber || $0 == "." }
            return GRPCClient(
                transport: try HTTP2ClientTransport.Posix(
                    target: isNumeric
                        ? .ipv4(address: member.host, port: member.port)
                        : .dns(host: member.host, port: member.port),
                    transportSecurity: .plaintext
                )
            )
        }
        connections = clients.map { client in
            Task {
                // A member that cannot be reached shows in the calls to it.
                do { try await client.runConnections() } catch {}
            }
        }
    }

    func close() { for client in clients { client.beginGracefulShutdown() } }

    func range(_ request: EtcdRangeRequest) async throws -> EtcdRangeResponse {
        try await call { try await EtcdKV.Client(wrapping: $0).range(request, options: $1) }
    }

    /// What the run has under this name; `nil` is nothing.
    func read(_ name: String) async throws -> Data? {
        let key = location.key(name)
        return try await range(EtcdRangeRequest.with { $0.key = key }).kvs.first?.value
    }

    func transaction(_ request: EtcdTxnRequest) async throws -> EtcdTxnResponse {
        try await call { try await EtcdKV.Client(wrapping: $0).txn(request, options: $1) }
    }

    func grantLease(seconds: Int) async throws -> EtcdLeaseGrantResponse {
        let request = EtcdLeaseGrantRequest.with { $0.ttl = Int64(seconds) }
        return try await call {
            try await EtcdLease.Client(wrapping: $0).leaseGrant(request, options: $1)
        }
    }

    func revokeLease(_ id: Int64) async throws {
        let request = EtcdLeaseRevokeRequest.with { $0.id = id }
        _ = try await call {
            try await EtcdLease.Client(wrapping: $0).leaseRevoke(request, options: $1)
        }
    }

    /// Seconds that the lease lasts from now on; 0 when it is over.
    func keepAlive(_ id: Int64) async throws -> Int64 {
        try await call { client, options in
            try await EtcdLease.Client(wrapping: client).leaseKeepAlive(
                options: options,
                requestProducer: { writer in
                    try await writer.write(EtcdLeaseKeepAliveRequest.with { $0.id = id })
                },
                onResponse: { response in
                    for try await answer in response.messages { return answer.ttl }
                    return 0
                }
            )
        }
    }

    private func call<Result: Sendable>(
        _ body: (Client, CallOptions) async throws -> Result
    ) async throws -> Result {
        var options = CallOptions.defaults
        options.timeout = Self.patience
        options.waitForReady = false
        var reason = ""
        let first = current.withLock { $0 }
        let deadline = MonotonicTime.now + Self.longestElection
        var attempt = 0
        // Twice around at least: a member that was just starting may be there now.
        while attempt < 2 * clients.count || MonotonicTime.now < deadline {
            let index = (first + attempt) % clients.count
            attempt += 1
            do {
                let result = try await body(clients[index], options)
                current.withLock { $0 = index }
                return result
            } catch let error as RPCError {
                reason = error.message
            }
            if attempt.isMultiple(of: clients.count) {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        let line = reason.split(separator: "\n").joined(separator: " ")
        throw OobleckError(.storage, "etcd at \(location.members) does not answer: \(line)")
    }
}
