import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import OobleckCore

/// Serves `/metrics` and `/healthz` of the run of this process.
///
/// Who can reach the address can read the numbers; nothing can be changed.
package struct MetricsServer: Sendable {
    /// Connections at a time; more wait.
    private static let mostConnections = 32

    private let address: HostPort
    private let service: MetricsService

    /// A server at `address` of what `service` knows.
    package init(_ address: HostPort, _ service: MetricsService) {
        (self.address, self.service) = (address, service)
    }

    /// Serves while `body` runs, which starts once the server listens.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line when it cannot listen there.
    package func serving<Result: Sendable>(
        _ body: @Sendable @escaping () async throws -> Result
    ) async throws -> Result {
        let (listening, signal) = AsyncStream<Void>.makeStream()
        let application = application { signal.yield() }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                defer { signal.finish() }
                do {
                    try await application.run()
                } catch {
                    throw OobleckError(
                        .usage,
                        "cannot serve metrics at \(address): \(lineForPeople("\(error)")); "
                            + "choose another --metrics-listen"
                    )
                }
                return nil
            }
            var isListening = false
            for await _ in listening {
                isListening = true
                break
            }
            if isListening { group.addTask { try await body() } }
            while let result = try await group.next() {
                guard let result else { continue }
                group.cancelAll()
                return result
            }
            throw CancellationError()
        }
    }

    private func application(
        onListening: @escaping @Sendable () -> Void
    ) -> some ApplicationProtocol {
        let router = Router()
        router.get("metrics") { [service] _, _ in
            Self.answer(.ok, "text/plain; version=0.0.4; charset=utf-8", service.metrics)
        }
        router.get("healthz") { [service] _, _ in
            let (isWell, line) = service.health()
            let status: HTTPResponse.Status = isWell ? .ok : .serviceUnavailable
            return Self.answer(status, "text/plain; charset=utf-8", line + "\n")
        }
        return Application(
            router: router,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                serverName: "oobleck",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.mostConnections)
            ),
            onServerRunning: { _ in onListening() },
            logger: Logger(label: "oobleck.metrics") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private static func answer(
        _ status: HTTPResponse.Status,
        _ type: String,
        _ text: String
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
