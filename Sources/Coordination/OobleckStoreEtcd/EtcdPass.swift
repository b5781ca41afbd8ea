import GRPCCore
import OobleckWire
import SwiftProtobuf
import Synchronization

/// The pass that etcd gives for a user and a password: a token that is shown with every call, and
/// fetched anew when it is no good any more.
final class EtcdPass: Sendable {
    private let access: EtcdAccess
    private let current = Mutex<String?>(nil)

    init(_ access: EtcdAccess) { self.access = access }

    /// The token to show; `nil` without a user.
    ///
    /// Fetches one by `authenticate` when there is none. The password is read each time, so that it
    /// can be changed while a run goes.
    func token(
        _ authenticate: (EtcdAuthenticateRequest) async throws -> String
    ) async throws -> String? {
        guard let user = access.user else { return nil }
        if let known = current.withLock({ $0 }) { return known }
        guard let password = try access.password() else { return nil }
        let request = EtcdAuthenticateRequest.with {
            $0.name = user
            $0.password = password
        }
        let token = try await authenticate(request)
        current.withLock { $0 = token }
        return token
    }

    /// This token is no good any more.
    func drop(_ token: String?) { current.withLock { if $0 == token { $0 = nil } } }

    fileprivate var shown: String? { current.withLock { $0 } }
}

/// Shows the pass with every call.
struct EtcdPassBearer: ClientInterceptor {
    /// The name that etcd looks for.
    private static let field = "token"

    let pass: EtcdPass

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>,
        context: ClientContext,
        next: (
            StreamingClientRequest<Input>, ClientContext
        ) async throws -> StreamingClientResponse<Output>
    ) async throws -> StreamingClientResponse<Output> {
        var request = request
        if let token = pass.shown { request.metadata.addString(token, forKey: Self.field) }
        return try await next(request, context)
    }
}
