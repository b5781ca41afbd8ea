/// A layer as people know it.
package struct NamedLayer: Hashable, Sendable, Codable, CustomStringConvertible {
    package var index: Int
    /// `nil` when the profile has no layer of this number.
    package var name: String?

    package init(index: Int, name: String?) {
        self.index = index
        self.name = name
    }

    /// `3 (block2)`.
    package var description: String { name.map { "\(index) (\($0))" } ?? "\(index)" }

    private enum CodingKeys: String, CodingKey {
        case index, name
    }
}

/// A plan that was decided.
package struct PlannedGeneration: Hashable, Sendable, Codable {
    package var generation: Generation
    /// Nodes and pipelines of the plan.
    package var nodes: Int
    package var pipelines: Int
    package var reason: String
    /// The nodes of each pipeline, by stage; `nil` in files of versions that did not say.
    package var layout: [[NodeID]]?

    package init(
        generation: Generation,
        nodes: Int,
        pipelines: Int,
        reason: String,
        layout: [[NodeID]]? = nil
    ) {
        self.layout = layout
        self.generation = generation
        self.nodes = nodes
        self.pipelines = pipelines
        self.reason = reason
    }

    private enum CodingKeys: String, CodingKey {
        case generation, nodes, pipelines, reason, layout
    }
}

/// A checkpoint that was published, and what it cost.
package struct SavedCheckpoint: Hashable, Sendable, Codable {
    /// Committed steps in it.
    package var step: Int
    package var bytes: ByteCount
    package var layers: Int
    /// Nodes that wrote it.
    package var nodes: Int
    /// The longest that copying held up one worker.
    package var heldUp: Seconds
    /// From the order until it was on disk.
    package var written: Seconds

    package init(
        step: Int,
        bytes: ByteCount,
        layers: Int,
        nodes: Int,
        heldUp: Seconds,
        written: Seconds
    ) {
        self.step = step
        self.bytes = bytes
        self.layers = layers
        self.nodes = nodes
        self.heldUp = heldUp
        self.written = written
    }

    private enum CodingKeys: String, CodingKey {
        case step = "checkpoint_step"
        case bytes, layers, nodes
        case heldUp = "held_up_seconds"
        case written = "written_seconds"
    }
}

/// A checkpoint that could not be saved.
package struct FailedCheckpoint: Hashable, Sendable {
    /// Committed steps that it would have had.
    package var step: Int
    /// The node whose part failed, if one did.
    package var node: NodeID?
    package var reason: String
    /// Saves in a row that failed, this one included.
    package var failuresInARow: Int

    package init(step: Int, node: NodeID?, reason: String, failuresInARow: Int) {
        self.step = step
        self.node = node
        self.reason = reason
        self.failuresInARow = failuresInARow
    }
}

/// A step whose update all nodes leave out.
package struct SkippedStep: Hashable, Sendable, Codable {
    package var reason: String
    /// The layer whose numbers are not finite or too large, where one is known.
    package var layer: NamedLayer?
    /// Such steps in a row, and how many of them end the run; `nil` for a step that none is to blame for.
    package var inARow: Int?
    package var limit: Int?

    package init(
        reason: String,
        layer: NamedLayer? = nil,
        inARow: Int? = nil,
        limit: Int? = nil
    ) {
        self.reason = reason
        self.layer = layer
        self.inARow = inARow
        self.limit = limit
    }

    private enum CodingKeys: String, CodingKey {
        case reason, layer
        case inARow = "in_a_row"
        case limit
    }
}

/// How much slower than its peers a node is.
package struct NodeSlowness: Hashable, Sendable, Codable {
    /// Times as long as its peers take for the same layers.
    package var factor: Double
    /// Computing time of one microbatch: the node's, and that of its peers for the same layers.
    package var own: Seconds?
    package var peers: Seconds?

    package init(factor: Double, own: Seconds? = nil, peers: Seconds? = nil) {
        self.factor = factor
        self.own = own
        self.peers = peers
    }

    private enum CodingKeys: String, CodingKey {
        case factor
        case own = "own_seconds"
        case peers = "peer_seconds"
    }
}

/// A learning rate's schedule that is not as long as the run.
package struct DecaySpan: Hashable, Sendable, Codable {
    /// Steps of the run, and of the schedule.
    package var steps: Int
    package var decaySteps: Int

    package init(steps: Int, decaySteps: Int) {
        self.steps = steps
        self.decaySteps = decaySteps
    }

    private enum CodingKeys: String, CodingKey {
        case steps
        case decaySteps = "decay_steps"
    }
}
