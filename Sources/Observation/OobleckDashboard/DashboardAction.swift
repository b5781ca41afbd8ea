import OobleckCore
import OobleckRunFiles

/// What a page may ask a running coordinator for.
package enum DashboardAction: Hashable, Sendable {
    case drain(NodeID)
    case add
    case stop
}

/// Asks the coordinator of a run for something, and returns its answer in one line.
package typealias DashboardActor =
    @Sendable (DashboardAction, RunDirectory) async throws -> String
