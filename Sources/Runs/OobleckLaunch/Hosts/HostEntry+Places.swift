import OobleckCore

extension HostEntry {
    /// The devices of each node that runs on the host: `devicesPerNode` each, in their order.
    ///
    /// Devices that are too few for another node are left out.
    package func places(devicesPerNode count: Int) -> [[Int]] {
        (0..<slots.count / count).map { Array(slots[$0 * count..<($0 + 1) * count]) }
    }

    /// Throws one line unless the host's devices can be divided among whole nodes.
    package func requireWholeNodes(devicesPerNode count: Int) throws {
        guard !slots.count.isMultiple(of: count) else { return }
        throw OobleckError(
            .usage,
            "host \(name) has \(counted(slots.count, "slot")); the job has \(count) devices a node "
                + "(devices_per_node), so it must be a multiple of \(count)"
        )
    }
}

extension [HostEntry] {
    /// Nodes that run on these hosts.
    package func nodeCount(devicesPerNode: Int) -> Int {
        reduce(0) { $0 + $1.slots.count / Swift.max(1, devicesPerNode) }
    }
}
