import OobleckCore

extension NodeStatus {
    /// The processes of the node that are a target.
    func pids(_ target: PlannedFault.Target) -> [Int] {
        let agent = [agentPID].compactMap { $0 }
        return switch target {
        case .agent: agent
        case .worker: workerPIDs
        case .node: workerPIDs + agent
        }
    }
}
