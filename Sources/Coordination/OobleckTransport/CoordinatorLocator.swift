import OobleckCore

/// How agents and workers find their run's coordinator, asked anew for each attempt: a coordinator
/// that restarts or takes over may be somewhere else.
package struct CoordinatorLocator: Sendable {
    /// Whether another coordinator may take over while the one at hand only seems to live.
    package let hasStandby: Bool
    private let resolve: @Sendable () async throws -> CoordinatorAddress

    /// A locator that asks `resolve`, which must answer within a second or throw one line.
    package init(
        hasStandby: Bool,
        resolve: @escaping @Sendable () async throws -> CoordinatorAddress
    ) {
        self.hasStandby = hasStandby
        self.resolve = resolve
    }

    /// The coordinator stays where it is.
    package init(_ address: CoordinatorAddress) { self.init(hasStandby: false) { address } }

    func address() async throws -> CoordinatorAddress { try await resolve() }
}
