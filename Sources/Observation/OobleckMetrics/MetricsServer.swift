import Hummingbird
import OobleckCore
import OobleckServing

/// Serves `/metrics` and `/healthz` of the run of this process.
///
/// Who can reach the address can read the numbers; nothing can be changed.
package struct MetricsServer: Sendable {
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
        let routes = Router()
        routes.get("metrics") { [service] _, _ in
            Response.text(type: "text/plain; version=0.0.4; charset=utf-8", service.metrics)
        }
        routes.get("healthz") { [service] _, _ in
            let (isWell, line) = service.health()
            return Response.text(isWell ? .ok : .serviceUnavailable, line + "\n")
        }
        let server = HTTPServing(
            address,
            what: "metrics",
            option: "--metrics-listen",
            routes: routes
        )
        return try await server.serving { _ in try await body() }
    }
}
