import NIOCore
import NIOSSL
import OobleckCore

/// What goes wrong with TLS on a client's connections, so that a certificate that is refused is
/// known at once, and not retried until the patience ends.
struct TLSFaults: Sendable {
    /// What was wrong, for people.
    let reasons: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() {
        (reasons, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Watches a connection that is being made.
    func watch(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let tls = try pipeline.handler(type: NIOSSLClientHandler.self)
            try pipeline.addHandler(
                TLSFaultHandler(continuation: continuation),
                position: .after(tls)
            )
        }
    }

    /// What an error says of the certificates; `nil` for one that does not.
    ///
    /// A connection that merely ends is no fault of theirs.
    static func reason(_ error: any Error) -> String? {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let stack)), BoringSSLError.sslError(let stack):
            let text = stack.map(\.description).joined(separator: " ")
            guard !stack.contains(.eofDuringHandshake) else { return nil }
            return known.first { text.contains($0.key) }?.value
        case NIOSSLError.unableToValidateCertificate, is NIOSSLExtraError:
            return "its certificate is for another host"
        default: return nil
        }
    }

    private static let known: KeyValuePairs = [
        "CERTIFICATE_VERIFY_FAILED": "its certificate is not one of our --tls-ca, or out of date",
        "CERTIFICATE_REQUIRED": "it refuses us without a certificate",
        "CERTIFICATE_EXPIRED": "it refuses our certificate, which has expired",
        "UNKNOWN_CA": "it refuses our certificate, which is not of its --tls-ca",
        "ALERT": "it refuses our certificate",
        "WRONG_VERSION_NUMBER": "it does not speak TLS",
    ]
}

/// Stands behind TLS and reports what it says.
private final class TLSFaultHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<String>.Continuation

    init(continuation: AsyncStream<String>.Continuation) { self.continuation = continuation }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let reason = TLSFaults.reason(error) { continuation.yield(reason) }
        context.fireErrorCaught(error)
    }
}
