import GRPCCore
import GRPCNIOTransportHTTP2
import OobleckCore

/// Where a coordinator listens.
package struct CoordinatorAddress: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line.
    package init(parsing text: String) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]), 1...65535 ~= port
        else {
            throw OobleckError(.usage, "coordinator is \"\(text)\"; it must be HOST:PORT")
        }
        self.init(host: String(parts[0]), port: port)
    }

    package var description: String { "\(host):\(port)" }

    /// Runs `body` with a connection to the coordinator, which ends with it.
    func withClient<Result: Sendable>(
        _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        let isNumeric = host.allSatisfy { $0.isNumber || $0 == "." }
        let transport = try HTTP2ClientTransport.Posix(
            target: isNumeric
                ? .ipv4(address: host, port: port) : .dns(host: host, port: port),
            transportSecurity: .plaintext,
            config: .defaults {
                $0.backoff = .init(
                    initial: .milliseconds(50),
                    max: .milliseconds(500),
                    multiplier: 1.6,
                    jitter: 0
                )
                $0.http2.targetWindowSize = 4 << 20
            }
        )
        do {
            return try await withGRPCClient(transport: transport) { try await body($0) }
        } catch let error as RPCError {
            throw explain(error)
        }
    }

    private func explain(_ error: RPCError) -> OobleckError {
        // What the coordinator says to a person's request comes as it is.
        let said: [RPCError.Code] = [.invalidArgument, .failedPrecondition, .unauthenticated]
        if said.contains(error.code) { return OobleckError(.usage, error.message) }
        let message = error.message.split(separator: "\n").joined(separator: " ")
        return OobleckError(.outOfNodes, "lost the coordinator at \(self): \(message)")
    }
}

extension CallOptions {
    /// A session that cannot be opened fails at once; when to try again its owner decides.
    static var session: CallOptions {
        var options = CallOptions.defaults
        options.waitForReady = false
        options.maxResponseMessageBytes = CoordinatorServer.largestMessageBytes
        return options
    }

    /// A person's request ends within seconds.
    static var request: CallOptions {
        var options = CallOptions.defaults
        options.timeout = .seconds(5)
        return options
    }
}
