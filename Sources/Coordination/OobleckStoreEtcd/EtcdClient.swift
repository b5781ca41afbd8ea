import Dispatch
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire
import SwiftProtobuf
import Synchronization

/// Calls to an etcd cluster: to one member, and to the next when that one does not answer, for as
/// long as a cluster may take to elect a leader of its own.
///
/// What no member will answer otherwise (no space, a wrong password) is thrown at once. Every call
/// here may be made twice without harm, because writes are conditional or put the same value again.
final class EtcdClient: Sendable {
    private typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

    /// What the library says of its own state before it comes to the reason.
    private static let ownWords =
        "Channel is in a transient failure state and 'wait for ready' isn't enabled. "

    let location: EtcdLocation
    private let clients: [Client]
    /// Owned here; end with ``close()``.
    private let connections: [Task<Void, Never>]
    /// The member that answered last.
    private let current = Mutex(0)
    private let pass: EtcdPass

    init(_ location: EtcdLocation) throws {
        self.location = location
        let pass = EtcdPass(location.access)
        self.pass = pass
        clients = try location.members.map { member in
            GRPCClient(
                transport: try HTTP2ClientTransport.Posix(
                    target: member.target,
                    transportSecurity: location.access.security
                ),
                interceptors: [EtcdPassBearer(pass: pass)]
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

    private func range(_ request: EtcdRangeRequest) async throws -> EtcdRangeResponse {
        try await call { try await EtcdKV.Client(wrapping: $0).range(request, options: $1) }
    }

    /// What the run has under this name; `nil` is nothing.
    func read(_ name: String) async throws -> Data? {
        let key = location.key(name)
        return try await range(EtcdRangeRequest.with { $0.key = key }).kvs.first?.value
    }

    /// All that the run has under names that begin so, in the order of the names, fetched a `page`
    /// at a time: an answer may not be of any size.
    func readAll(_ prefix: String, page: Int = 1000) async throws -> [KeyValue] {
        var found: [KeyValue] = []
        var request = EtcdRequests.all(under: location.key(prefix), limit: Int64(page))
        while true {
            let answer = try await range(request)
            found += answer.kvs.map { EtcdRequests.entry($0, location) }
            guard answer.more, let last = answer.kvs.last else { return found }
            // The first key behind this one.
            request.key = last.key + [0]
        }
    }

    /// How many entries begin so.
    func count(_ prefix: String) async throws -> Int {
        // The count is of all, whatever is sent.
        Int(try await range(EtcdRequests.all(under: location.key(prefix), limit: 1)).count)
    }

    func transaction(_ transaction: KeyValueTransaction) async throws -> KeyValueAnswer {
        let request = EtcdRequests.request(transaction, location)
        let answer = try await call {
            try await EtcdKV.Client(wrapping: $0).txn(request, options: $1)
        }
        return EtcdRequests.answer(answer, to: transaction, location)
    }

    /// A new lease's number.
    func grantLease(seconds: Int) async throws -> Int64 {
        let request = EtcdLeaseGrantRequest.with { $0.ttl = Int64(seconds) }
        return try await call {
            try await EtcdLease.Client(wrapping: $0).leaseGrant(request, options: $1).id
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
        var reason = ""
        var rotation = MemberRotation(
            members: clients.count,
            first: current.withLock { $0 },
            now: MonotonicTime.now
        )
        while let member = rotation.next(now: MonotonicTime.now) {
            switch try await ask(member, body) {
            case .success(let result):
                current.withLock { $0 = member }
                return result
            case .failure(let failure):
                reason = failure.reason
                guard !rotation.isFinal(failure) else {
                    throw OobleckError(.storage, "etcd at \(names) refuses: \(reason)")
                }
            }
            if rotation.isRoundOver {
                try await Task.sleep(for: .seconds(MemberRotation.pause.value))
            }
        }
        let line = reason.split(separator: "\n").joined(separator: " ")
        throw OobleckError(.storage, "etcd at \(names) does not answer: \(line)")
    }

    /// Asks one member, which has ``MemberRotation/patience`` to answer.
    private func ask<Result: Sendable>(
        _ member: Int,
        _ body: (Client, CallOptions) async throws -> Result
    ) async throws -> Swift.Result<Result, MemberRotation.Failure> {
        var options = CallOptions.defaults
        options.timeout = .seconds(MemberRotation.patience.value)
        options.waitForReady = false
        do {
            let used = try await pass.token { request in
                try await EtcdAuth.Client(wrapping: clients[member])
                    .authenticate(request, options: options).token
            }
            do {
                return .success(try await body(clients[member], options))
            } catch let error as RPCError where EtcdRefusal.isStalePass(error) {
                // Passes end after some minutes without a call; the next attempt gets another.
                pass.drop(used)
                return .failure(.silence(error.message))
            }
        } catch let error as RPCError {
            if let refusal = EtcdRefusal(error) { return .failure(.refusal(refusal.reason)) }
            return .failure(.silence(error.message.replacing(Self.ownWords, with: "")))
        }
    }

    private var names: String { location.members.map(\.description).joined(separator: ", ") }
}

/// What etcd says no to, whichever member is asked and however often.
struct EtcdRefusal {
    let reason: String

    /// `nil` for an error that the next attempt may not meet.
    init?(_ error: RPCError) {
        let text = error.message.replacing("etcdserver: ", with: "")
        switch error.code {
        case .resourceExhausted where !text.contains("space exceeded") && !text.contains("large"):
            // Too many requests at once.
            return nil
        case .resourceExhausted, .permissionDenied, .notFound, .unimplemented, .unauthenticated:
            reason = text
        case .invalidArgument where text.contains("user name is empty"):
            reason = "it wants a user; name --etcd-user and --etcd-password-file"
        case .invalidArgument where text.contains("authentication failed"):
            reason = "the user or its password is wrong (--etcd-user, --etcd-password-file)"
        case .failedPrecondition where text.contains("authentication is not enabled"):
            reason = "it has no users; leave out --etcd-user and --etcd-password-file"
        case .invalidArgument, .failedPrecondition: reason = text
        default: return nil
        }
    }

    /// Whether it is only the pass of our user that is no good any more.
    static func isStalePass(_ error: RPCError) -> Bool {
        error.message.contains("invalid auth token")
            || error.message.contains("revision of auth store is old")
    }
}

extension HostPort {
    /// The host as gRPC takes it.
    fileprivate var target: any ResolvableTarget {
        switch form {
        case .ipv4: .ipv4(address: host, port: port)
        case .ipv6: .ipv6(address: host, port: port)
        case .name: .dns(host: host, port: port)
        }
    }
}

extension EtcdAccess {
    fileprivate var security: HTTP2ClientTransport.Posix.TransportSecurity {
        guard isSecure else { return .plaintext }
        return .tls { [authorityPath, certificatePath, keyPath] tls in
            if let authorityPath {
                tls.trustRoots = .certificates([.file(path: authorityPath, format: .pem)])
            }
            if let certificatePath, let keyPath {
                tls.certificateChain = [.file(path: certificatePath, format: .pem)]
                tls.privateKey = .file(path: keyPath, format: .pem)
            }
        }
    }
}
