import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckCore

extension CoordinatorAddress {
    /// Runs `body` with a connection to the coordinator that shows the token; it ends with `body`.
    ///
    /// Throws one line, at once when a certificate is refused.
    func withClient<Result: Sendable>(
        token: RunToken,
        tls: ControlTLS?,
        _ body: @escaping @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        let faults = TLSFaults()
        let transport = try transport(tls: tls, faults)
        do {
            return try await withThrowingTaskGroup(of: Result.self) { group in
                defer { group.cancelAll() }
                group.addTask {
                    do {
                        return try await withGRPCClient(
                            transport: transport,
                            interceptors: [TokenBearer(token: token)]
                        ) { try await body($0) }
                    } catch let error as RPCError where tls != nil && error.code == .unavailable {
                        // Why TLS ended the connection may be known a moment later.
                        try await Task.sleep(for: .milliseconds(200))
                        throw error
                    }
                }
                group.addTask {
                    for await reason in faults.reasons {
                        throw OobleckError(
                            .usage,
                            "no TLS with the coordinator at \(self): \(reason)"
                        )
                    }
                    throw CancellationError()
                }
                guard let result = try await group.next() else { throw CancellationError() }
                return result
            }
        } catch let error as RPCError {
            throw explain(error)
        }
    }

    private func transport(
        tls: ControlTLS?,
        _ faults: TLSFaults
    ) throws -> HTTP2ClientTransport.Posix {
        try HTTP2ClientTransport.Posix(
            target: pair.target,
            transportSecurity: tls?.client ?? .plaintext,
            config: .defaults {
                $0.backoff = .init(
                    initial: .milliseconds(50),
                    max: .milliseconds(500),
                    multiplier: 1.6,
                    jitter: 0
                )
                $0.http2.targetWindowSize = 4 << 20
                if tls != nil {
                    $0.channelDebuggingCallbacks.onCreateTCPConnection = { faults.watch($0) }
                }
            }
        )
    }

    private func explain(_ error: RPCError) -> OobleckError {
        // What the coordinator says to a person's request comes as it is.
        let said: [RPCError.Code] = [.invalidArgument, .failedPrecondition, .resourceExhausted]
        if said.contains(error.code) { return OobleckError(.usage, error.message) }
        guard error.code != .unauthenticated else {
            return OobleckError(
                .usage,
                "the coordinator at \(self) does not take this token; "
                    + "take the one in the file token of its run directory"
            )
        }
        let message = error.message.split(separator: "\n").joined(separator: " ")
        return OobleckError(.outOfNodes, "lost the coordinator at \(self): \(message)")
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
