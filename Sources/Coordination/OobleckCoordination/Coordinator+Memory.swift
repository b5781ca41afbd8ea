import OobleckCore

/// Which nodes ran out of memory, and under what load.
///
/// A node that comes back has a number of its own; it is known by its name.
struct MemoryAccount: Sendable {
    /// Failures of one name that are remembered, the newest.
    private static let capacity = 8

    private var failures: [String: [MemoryFailure]] = [:]

    init(_ failures: [MemoryFailure] = []) {
        for failure in failures { note(failure) }
    }

    mutating func note(_ failure: MemoryFailure) {
        guard !failure.name.isEmpty else { return }
        var known = failures[failure.name] ?? []
        if known.count == Self.capacity { known.removeFirst() }
        failures[failure.name] = known + [failure]
    }

    /// What a node of this name and number may not be given; empty where nothing is known.
    ///
    /// Numbers are given out in ascending order: only what happened to an earlier node of the name
    /// counts, so that two living nodes that call themselves alike do not bind each other.
    func bounds(name: String, node: NodeID) -> [MemoryBound] {
        (failures[name] ?? []).filter { $0.node < node }.map(\.load)
    }
}

extension Coordinator {
    /// What each usable node is known not to be able to hold; only nodes with such a bound.
    var memoryBounds: [NodeID: [MemoryBound]] {
        guard !knownBugs.contains(.memoryForgotten) else { return [:] }
        return members.filter { $0.value.life == .usable }.reduce(into: [:]) { bounds, member in
            let known = troubles.memory.bounds(name: member.value.name, node: member.key)
            if !known.isEmpty { bounds[member.key] = known }
        }
    }

    /// Loads under which a node of this one's name ran out of memory.
    package func memoryBounds(of node: NodeID) -> [MemoryBound] {
        troubles.memory.bounds(name: members[node]?.name ?? "", node: node)
    }

    /// What a node that comes back calls itself.
    package mutating func noteName(of node: NodeID, _ name: String) { members[node]?.name = name }

    /// What the machine of a node calls itself.
    package mutating func noteMachine(of node: NodeID, _ machine: String) {
        members[node]?.machine = machine
    }

    /// Notes what a plan asks of the memory of its nodes.
    mutating func noteLoads(of plan: CoordinatorPlan) {
        for pipeline in plan.document.plan.pipelines {
            let template = plan.reconfiguration.template(of: pipeline)
            for (place, node) in pipeline.nodes.enumerated() {
                members[node]?.given = template.load(ofNode: place, profile: profile)
            }
        }
    }

    /// The node's worker ended for lack of memory: the node is lost, and what it was given is not
    /// placed on it again, nor anything heavier.
    mutating func ranOutOfMemory(_ node: NodeID, evidence: String, now: Seconds) {
        guard let member = members[node], member.isAlive else { return dropStale() }
        let failure = MemoryFailure(node: node, name: member.name, load: member.given)
        troubles.memory.note(failure)
        perform(.persist(.ranOutOfMemory(failure)))
        log(.outOfMemory(node, name: failure.name, evidence: evidence, load: failure.load))
        let cause = LossCause.outOfMemory(evidence: evidence)
        lose([LostNode(id: node, cause: cause, firstSign: nil)], now: now)
    }
}
