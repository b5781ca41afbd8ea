/// Something that does no harm yet.
package enum Warning: Hashable, Sendable {
    /// The coordinator itself was not at work for this long.
    case coordinatorAway(Seconds)
    case notStarted(NodeID, evidence: String)
    case planKept(reason: String)
    case leavesAtBoundary(NodeID)
    /// A checkpoint is due while that of an earlier step is being written.
    case checkpointSkipped(step: Int, writing: Int)
    case checkpointStore(reason: String)
    case collectiveFailed(Generation, CollectiveFailure)
    case startsShort(ready: Int, expected: Int)
    case waitsForStart(MissingNodes)
    case finalStateNotEvaluated(reason: String)
    /// Its drain is given up.
    case stays(NodeID, reason: String)
    case notCovered(nodes: Int, losses: Int)
    /// No checkpoint exists; the run starts again from these weights, or from the seed.
    case startsOver(weights: String?)
    case checkpointNotNeeded
    case eventsDropped(Int)

    package var node: NodeID? {
        switch self {
        case .notStarted(let node, _), .leavesAtBoundary(let node), .stays(let node, _): node
        case .collectiveFailed(_, let failure): failure.node
        default: nil
        }
    }
}

/// Why a collective operation is taken for failed.
package struct CollectiveFailure: Hashable, Sendable {
    /// Who says so; `nil` when the coordinator waited in vain.
    package var node: NodeID?
    package var reason: String
    /// Peers that the node does not reach.
    package var unreached: [NodeID]

    package init(node: NodeID? = nil, reason: String, unreached: [NodeID] = []) {
        self.node = node
        self.reason = reason
        self.unreached = unreached
    }

    /// One line for people.
    package var text: String {
        guard let node else { return reason }
        let whom = unreached.isEmpty ? "" : " (it does not reach \(EventText.nodes(unreached)))"
        return "node \(node): \(reason)\(whom)"
    }
}

/// Nodes that the start of a run waits for.
package struct MissingNodes: Hashable, Sendable, Codable {
    package var missing: Int
    package var expected: Int
    /// Started and not ready.
    package var starting: [NodeID]

    package init(missing: Int, expected: Int, starting: [NodeID]) {
        self.missing = missing
        self.expected = expected
        self.starting = starting
    }

    private enum CodingKeys: String, CodingKey {
        case missing, expected, starting
    }
}
