/// Whose session with the coordinator it is.
package enum SessionSide: String, Hashable, Sendable, Codable {
    case agent
    case worker
}

/// Why a node was declared lost.
package enum LossCause: Hashable, Sendable {
    /// What its agent, its machine or the run that started it says of the end of its processes.
    case reported(evidence: String)
    /// No sign of life for this long; `side` is who was silent longest, where that is known.
    case silent(SessionSide?, Seconds)
    /// Its worker did not get ready within this time.
    case notReady(within: Seconds)
    /// After a restart of the coordinator it did not come back within this time.
    case notBack(SessionSide, within: Seconds)
    case disconnected(SessionSide)
    /// A second process claimed to be this node.
    case doubled(SessionSide, pid: Int, known: Int)
    case outOfMemory(evidence: String)
    case unprepared(Generation)
    /// Computed for this long at a step without an end, while all others waited.
    case stuck(step: Int, Seconds)
    case layersNotHandedIn
    /// It and these nodes reach the coordinator, but in so many generations not each other.
    case cut(from: [NodeID], generations: Int)
    case damaged(times: Int)
    case wrongBits(NamedLayer, step: Int, how: String)
    /// It computes other bits than the run, whose arithmetic has this mark.
    case arithmeticChanged(mark: String)
}

/// Why a node, a process or a request was refused.
package enum Refusal: Hashable, Sendable {
    case misfit(who: String, Misfit)
    /// A process of a node that is out, or was never admitted.
    case outsider(NodeID, SessionSide, wasAdmitted: Bool)
    /// A node that reads other data, or computes other bits, than the run.
    case differs(NodeID, reason: String)
    /// A node of this name has died too often to join now.
    case quarantined(name: String, reason: String)
    case drain(NodeID, DrainObstacle)

    package enum DrainObstacle: String, Hashable, Sendable, Codable {
        case unknownNode = "unknown-node"
        case ending
        case collecting
    }

    /// A process that does not fit the run.
    package struct Misfit: Hashable, Sendable {
        package enum Obstacle: String, Hashable, Sendable, Codable {
            case protocolVersion = "protocol-version"
            case programVersion = "program-version"
            case openFiles = "open-files"
        }

        package var obstacle: Obstacle
        /// `it` and this make a sentence.
        package var reason: String

        package init(_ obstacle: Obstacle, reason: String) {
            self.obstacle = obstacle
            self.reason = reason
        }
    }

    package var node: NodeID? {
        switch self {
        case .misfit, .quarantined: nil
        case .outsider(let node, _, _), .differs(let node, _), .drain(let node, _): node
        }
    }
}

/// State or arithmetic that was found wrong.
package enum Damage: Hashable, Sendable {
    /// The node's copies of these layers are copied anew.
    case copies(NodeID, [NamedLayer])
    /// The copies of a layer differ, and none is known to be right.
    case undecided(NamedLayer, [NodeID])
    /// The nodes compute different bits of a layer, and it is not known who is wrong.
    case differentBits(NamedLayer, [NodeID])
}

/// When a run that was asked to stop ends.
package enum StopEnd: Hashable, Sendable {
    case finalState
    case step(Int)
    case evaluation(ofStep: Int)
}

/// What came of a request for a checkpoint.
package enum CheckpointRequest: Hashable, Sendable {
    case jobSavesNone
    case noted
    case saved(step: Int)
}

/// Why the coordinator takes nobody for dead at the moment.
package enum IsolationCause: Hashable, Sendable {
    /// These nodes fell silent together; they are waited for.
    case silence([NodeID], limit: Seconds)
    /// Nodes dropped this coordinator, which still leads.
    case dropped
}

/// Who came back.
package enum Reconnected: Hashable, Sendable {
    /// Nodes are heard of again, but for these.
    case heard(after: Seconds, without: [NodeID])
    /// So many workers came back to a new coordinator.
    case restarted(term: Int, after: Seconds, workers: Int)
}

/// Why what must be kept is not.
package enum StorageTrouble: Hashable, Sendable {
    case failing(reason: String, advice: String?)
    /// A write does not return.
    case silent
}
