import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// Starts a run's nodes, knows those that it started, and ends them: processes of this machine
/// (`LocalCluster`), or agents on other machines.
///
/// Calls may come from any thread and must not block, but for ``close(within:)``.
package protocol NodeLauncher: Sendable {
    /// Starts the node with this number, which is kept for it.
    ///
    /// Throws one line when it cannot be started. One that fails later is reported to the run
    /// (``LaunchSite/onExit``).
    func start(_ node: NodeID) throws

    /// Whether the agent with this process id is the one that was started as the node: no other may
    /// join with its number.
    func isOwn(_ node: NodeID, agentPID: Int) -> Bool

    /// Ends a node's processes at once; false when they are gone already, or never were.
    @discardableResult
    func kill(_ node: NodeID) -> Bool

    /// Ends all nodes at once, and lets no other start: for exits that cannot wait.
    func killAll()

    /// Lets go of the nodes: another coordinator has them now.
    func abandon()

    /// Returns once all nodes have left; those that have not within `time` are ended.
    func close(within time: Seconds) async throws
}

extension LocalCluster: NodeLauncher {
    package func start(_ node: NodeID) throws { try addNode(node) }

    package func isOwn(_ node: NodeID, agentPID: Int) -> Bool { agentPIDs[node] == agentPID }
}

/// What a launcher has to know of the run that it starts nodes for.
package struct LaunchSite: Sendable {
    package let directory: RunDirectory
    package let job: JobSpecification
    /// Where the coordinator listens.
    package let coordinator: CoordinatorAddress
    package let token: RunToken
    package let deadlines: Deadlines
    /// The agent of node n serves its metrics at this port + n; `nil` is not at all.
    package let metricsPort: Int?
    /// To be told of a node that ended otherwise than in order, and why.
    package let onExit: @Sendable (NodeID, String) -> Void
    /// A number for a node that comes later; `nil` before the run has a coordinator.
    package let reserve: @Sendable () async -> NodeID?
    /// Shows people one line.
    package let say: @Sendable (String) -> Void

    package init(
        directory: RunDirectory,
        job: JobSpecification,
        coordinator: CoordinatorAddress,
        token: RunToken,
        deadlines: Deadlines,
        metricsPort: Int? = nil,
        onExit: @escaping @Sendable (NodeID, String) -> Void,
        reserve: @escaping @Sendable () async -> NodeID?,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.directory = directory
        self.job = job
        self.coordinator = coordinator
        self.token = token
        self.deadlines = deadlines
        self.metricsPort = metricsPort
        self.onExit = onExit
        self.reserve = reserve
        self.say = say
    }
}

/// Nodes that are started on other machines, and end with this process.
package struct RemoteNodes: Sendable {
    /// The command that has the run go on.
    package let command: String
    /// Leaves the run's certificates in its directory; `nil` is plain text.
    package let certificates: @Sendable (RunDirectory) throws -> ControlTLS?
    package let launcher: @Sendable (LaunchSite) throws -> any NodeLauncher

    package init(
        command: String,
        certificates: @escaping @Sendable (RunDirectory) throws -> ControlTLS?,
        launcher: @escaping @Sendable (LaunchSite) throws -> any NodeLauncher
    ) {
        self.command = command
        self.certificates = certificates
        self.launcher = launcher
    }
}
