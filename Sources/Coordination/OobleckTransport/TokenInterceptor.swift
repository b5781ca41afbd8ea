import GRPCCore
import NIOCore
import OobleckCore

/// Where the token stands in a call: beside the message, so that it is checked before the message
/// is looked at.
enum TokenField {
    static let name = "authorization"
    private static let scheme = "Bearer "

    static func value(_ token: RunToken) -> String { scheme + token.secret }

    /// Whether exactly one token came along, and it is the right one.
    static func admits(_ metadata: Metadata, _ token: RunToken) -> Bool {
        var values = metadata[stringValues: name].makeIterator()
        guard let value = values.next(), values.next() == nil, value.hasPrefix(scheme) else {
            return false
        }
        return token.admits(String(value.dropFirst(scheme.count)))
    }
}

/// Shows the token with every call.
struct TokenBearer: ClientInterceptor {
    let token: RunToken

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>,
        context: ClientContext,
        next: (
            StreamingClientRequest<Input>, ClientContext
        ) async throws -> StreamingClientResponse<Output>
    ) async throws -> StreamingClientResponse<Output> {
        var request = request
        request.metadata.addString(TokenField.value(token), forKey: TokenField.name)
        return try await next(request, context)
    }
}

/// Lets only those calls through that come with the token, and not too many of them.
///
/// Whoever comes without is told nothing but that, whatever it asked for.
struct TokenGuard: ServerInterceptor {
    let token: RunToken
    let gate: ConnectionGate

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @Sendable (
                StreamingServerRequest<Input>, ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        guard TokenField.admits(request.metadata, token) else {
            throw RPCError(code: .unauthenticated, message: "")
        }
        // A connection that is gone is answered by nobody.
        guard let visitor = gate.visitor(context.remotePeer) else {
            throw RPCError(code: .unavailable, message: "")
        }
        guard visitor.takeCall() else {
            visitor.channel.close(promise: nil)
            throw RPCError(code: .resourceExhausted, message: "too many calls")
        }
        var request = request
        let gate = gate
        // The token alone keeps no connection open: something has to be asked, too.
        request.messages = RPCAsyncSequence(
            wrapping: request.messages.map { message in
                if !visitor.isKnown { gate.recognize(visitor) }
                return message
            }
        )
        return try await next(request, context)
    }
}
