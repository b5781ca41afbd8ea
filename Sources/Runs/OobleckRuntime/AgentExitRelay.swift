import OobleckCore
import Synchronization

/// Passes the ends of agents on to a coordinator that is made after the cluster that starts them.
final class AgentExitRelay: Sendable {
    private let receiver = Mutex<(@Sendable (NodeID, String) -> Void)?>(nil)

    func open(_ receiver: @escaping @Sendable (NodeID, String) -> Void) {
        self.receiver.withLock { $0 = receiver }
    }

    func pass(_ node: NodeID, evidence: String) {
        let receiver = receiver.withLock { $0 }
        receiver?(node, evidence)
    }
}

/// Gives numbers for nodes that come later, once there is a coordinator to give them.
final class NumberRelay: Sendable {
    private let source = Mutex<(@Sendable () async -> NodeID)?>(nil)

    func open(_ source: @escaping @Sendable () async -> NodeID) {
        self.source.withLock { $0 = source }
    }

    func next() async -> NodeID? {
        let source = source.withLock { $0 }
        return await source?()
    }
}
