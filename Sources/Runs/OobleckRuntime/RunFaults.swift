import OobleckCore

/// The failures to stage in a run.
package struct RunFaults: Hashable, Sendable {
    /// Sudden deaths of nodes.
    package var deaths: [PlannedFault] = []
    /// All other failures of nodes.
    package var staged = StagedFaults()
    /// Deaths of the coordinator.
    package var coordinator: [CoordinatorFault] = []

    package init() {}

    /// Whether a node fails.
    package var concernNodes: Bool { !deaths.isEmpty || staged != StagedFaults() }
}
