import OobleckCore

/// Where a coordinator's durable state is kept.
///
/// Called from one thread at a time. What throws ends this coordinator's part in the run: nothing
/// that depends on a change may be sent when the change could not be kept.
package protocol CoordinationStore: Sendable {
    /// All that was kept, summed up; `nil` when nothing was.
    func load() throws -> DurableState?
    /// Keeps a change.
    ///
    /// After this returns the change outlives this process.
    func persist(_ change: DurableChange) throws
    /// Keeps that the run is over, so that no other coordinator takes it up.
    ///
    /// May be called again.
    func conclude(_ summary: String) throws
    /// Whether this process may still act for the run.
    ///
    /// Asked before each event; a coordinator that may not acts on none.
    var mayAct: Bool { get }
    /// Lets go of the state in order.
    func close() throws
}

extension OobleckError {
    /// Why a coordinator whose store does not let it act any more ends.
    package static var deposed: OobleckError {
        OobleckError(
            .outOfNodes,
            "this coordinator leads the run no more: its lease ran out, and another may have "
                + "taken over; the nodes are left to that one"
        )
    }
}

extension CoordinationStore {
    package var mayAct: Bool { true }
    package func conclude(_ summary: String) throws {}
    package func close() throws {}
}

/// Keeps nothing: for a run that is not to be restarted.
package struct NoCoordinationStore: CoordinationStore {
    package init() {}
    package func load() -> DurableState? { nil }
    package func persist(_ change: DurableChange) {}
}
