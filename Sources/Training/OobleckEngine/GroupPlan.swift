import OobleckCore

/// Which groups of workers exchange tensors under a plan.
///
/// All workers form the groups they belong to in this order, so that no two wait for each other.
package struct GroupPlan: Equatable {
    package struct Group: Equatable {
        package let name: String
        /// The members; the position is the rank.
        package let members: [WorkerID]
    }

    /// The groups, in the order in which they are formed.
    package private(set) var groups: [Group] = []
    /// Name of each pipeline's group, by index; `nil` for a pipeline of one stage.
    package private(set) var pipelineGroups: [String?] = []
    /// Name of the group that sums each layer's gradients; `nil` where one worker alone holds it.
    package private(set) var layerGroups: [String?] = []
    /// Name of the group that sums the gradients of each tied parameter; `nil` where one worker alone
    /// holds all layers that use it.
    package private(set) var tiedGroups: [String?] = []
    /// Name of the group that copies layers.
    package private(set) var transferGroup: String?

    package init(_ reconfiguration: Reconfiguration, layerCount: Int, tied: [TiedParameter] = []) {
        for (index, pipeline) in reconfiguration.plan.pipelines.enumerated() {
            pipelineGroups.append(
                add("pipeline \(index)", members: reconfiguration.workers(of: pipeline))
            )
        }
        var holders = [[WorkerID]](repeating: [], count: layerCount)
        for (worker, layers) in reconfiguration.layersByWorker {
            for layer in layers { holders[layer].append(worker) }
        }
        for layer in 0..<layerCount {
            layerGroups.append(addShared("sum", members: holders[layer].sorted()))
        }
        for parameter in tied {
            let users = Set(parameter.uses.flatMap { holders[$0.layer] }).sorted()
            tiedGroups.append(addShared("tied", members: users))
        }
        let movers = Set(reconfiguration.transfers.flatMap { [$0.sender, $0.receiver] }).sorted()
        transferGroup = add("transfer", members: movers)
    }

    private mutating func addShared(_ purpose: String, members: [WorkerID]) -> String? {
        add(purpose + " " + members.map(\.description).joined(separator: ","), members: members)
    }

    private mutating func add(_ name: String, members: [WorkerID]) -> String? {
        guard members.count > 1 else { return nil }
        if !groups.contains(where: { $0.name == name }) {
            groups.append(Group(name: name, members: members))
        }
        return name
    }
}
