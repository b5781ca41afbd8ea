import Hummingbird
import OobleckClock
import OobleckCore
import OobleckServing
import Synchronization

/// What is served of a process.
package protocol MetricsSource: Sendable {
    /// The answer to `/metrics`.
    var metrics: String { get }

    /// The answer to `/healthz`: one line, and whether all is well.
    func health(now: Seconds) -> (isWell: Bool, line: String)
}

/// Serves `/metrics` and `/healthz` of this process.
///
/// Who can reach the address can read the numbers; nothing can be changed.
package struct MetricsServer: Sendable {
    private let address: HostPort
    private let source: any MetricsSource

    /// A server at `address` of what `source` knows.
    package init(_ address: HostPort, _ source: any MetricsSource) {
        (self.address, self.source) = (address, source)
    }

    /// Serves while `body` runs, which starts once the server listens.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line when it cannot listen there.
    package func serving<Result: Sendable>(
        _ body: @Sendable @escaping () async throws -> Result
    ) async throws -> Result {
        let routes = Router()
        routes.get("metrics") { [source] _, _ in
            Response.text(type: "text/plain; version=0.0.4; charset=utf-8", source.metrics)
        }
        routes.get("healthz") { [source] _, _ in
            let (isWell, line) = source.health(now: MonotonicTime.now)
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

    /// Runs `body`, and serves meanwhile where that is possible: for work that must not fail for want of an
    /// observer.
    ///
    /// Tells `complain` in one line why nothing is served.
    package func servingIfPossible(
        complain: @Sendable (String) -> Void,
        _ body: @Sendable @escaping () async throws -> Void
    ) async throws {
        let hasBegun = Mutex(false)
        do {
            try await serving {
                hasBegun.withLock { $0 = true }
                try await body()
            }
        } catch let error as OobleckError where !hasBegun.withLock({ $0 }) {
            complain("\(error.message); going on without")
            try await body()
        }
    }
}
